#include "parley/line/timeouts.h"

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
  Watched(Reactor& reactor, std::unique_ptr<Protocol> application, Duration period)
      : Filter(std::move(application)), IdleTimer(reactor), period_(period) {}

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
  void write(std::string_view bytes) override {
    reset_timeout();
    Filter::write(bytes);
  }
  void write(Slice slice) override {
    reset_timeout();
    Filter::write(std::move(slice));
  }
  void writelines(std::span<const std::string_view> pieces) override {
    reset_timeout();
    Filter::writelines(pieces);
  }

 private:
  void expired() override { lose_connection(); }

  Duration period_;
};

}  // namespace

std::unique_ptr<Protocol> TimeoutFactory::wrap(std::unique_ptr<Protocol> made, const Address& /*peer*/) {
  return std::make_unique<Watched>(reactor_, std::move(made), period_);
}

}  // namespace parley
