#include "parley/line/timeouts.h"

#include <memory>

namespace parley {

std::optional<Duration> IdleTimer::set_timeout(std::optional<Duration> period) {
  const std::optional<Duration> before = timer_.active() ? std::optional(period_) : std::nullopt;
  timer_.cancel();
  if (period) {
    period_ = *period;
    due_ = later(reactor_.clock().now(), period_);
    timer_ = reactor_.call_later(period_, [this] { look(); });
  }
  return before;
}

void IdleTimer::look() {
  // What passes only moves `due_`, which costs nothing: the timer finds out when it comes.
  const Duration left = due_ - reactor_.now();
  if (left <= Duration::zero()) return expired();
  timer_ = reactor_.call_later(left, [this] { look(); });
}

namespace {

class Watched final : public Filter, private IdleTimer {
 public:
  Watched(Reactor& reactor, Duration period) : IdleTimer(reactor), period_(period) {}

  void connection_made() override {
    set_timeout(period_);
    Filter::connection_made();
  }
  void data_received(std::span<char> lent) override {
    reset_timeout();
    Filter::data_received(lent);
  }
  void connection_lost(Reason reason) override {
    set_timeout(std::nullopt);
    Filter::connection_lost(reason);
  }
  void flush(Output& output) override {
    reset_timeout();
    Filter::flush(output);
  }

 private:
  void expired() override { transport().lose_connection(); }

  Duration period_;
};

}  // namespace

Wrap idle_timeout(Reactor& reactor, Duration period) {
  return [&reactor, period](const Address&) { return std::make_unique<Watched>(reactor, period); };
}

}  // namespace parley
