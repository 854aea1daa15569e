#include "parley/line/throttling.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <span>
#include <utility>

namespace parley {

namespace {

// What may pass: it fills with time, up to a second's worth, and may be overdrawn.
class Budget {
 public:
  explicit Budget(std::size_t bytes_per_second)
      : rate_(static_cast<double>(bytes_per_second)), level_(rate_) {}

  double level(Time now) {
    const std::chrono::duration<double> since = now - at_;
    if (at_ != Time{}) level_ = std::min(rate_, level_ + since.count() * rate_);
    at_ = now;
    return level_;
  }
  // A little more than it is: the timer may come when a byte lacks a billionth.
  std::size_t available(Time now) { return static_cast<std::size_t>(std::max(0.0, level(now) + 1e-6)); }
  void spend(std::size_t bytes) { level_ -= static_cast<double>(bytes); }
  // How long until there are so many bytes, or a tenth of a second's worth if that is less.
  Duration until(Time now, std::size_t bytes) {
    const double wanted = std::min(static_cast<double>(bytes), std::max(1.0, rate_ / 10));
    const double seconds = (wanted - level(now)) / rate_;
    return std::max(Duration(1), Duration(static_cast<Duration::rep>(std::ceil(seconds * 1e9))));
  }

 private:
  double rate_;
  double level_;
  Time at_{};
};

class Throttled final : public Filter {
 public:
  Throttled(Reactor& reactor, std::shared_ptr<Budget> in, std::shared_ptr<Budget> out)
      : reactor_(reactor), in_(std::move(in)), out_(std::move(out)) {}
  ~Throttled() override { cancel_timers(); }

  void data_received(std::span<char> lent) override {
    const std::size_t size = lent.size();
    Filter::data_received(lent);
    if (in_ == nullptr) return;
    in_->spend(size);
    rest();
  }
  void connection_lost(Reason reason) override {
    cancel_timers();
    Filter::connection_lost(reason);
  }
  void flush(Output& output) override {
    if (out_ == nullptr) return output.pass(output.size());
    const std::size_t size = std::min(output.size(), out_->available(now()));
    out_->spend(size);
    output.pass(size);
    if (output.size() == 0) return;
    output.defer();
    if (writing_timer_.active()) return;
    writing_timer_ = reactor_.call_later(out_->until(now(), output.size()), [this] { want_flush(); });
  }

 private:
  Time now() const { return reactor_.clock().now(); }
  void rest() {
    if (in_->level(now()) >= 0) return resume_input();
    pause_input();
    reading_timer_ = reactor_.call_later(in_->until(now(), 0), [this] { rest(); });  // others may use it up
  }
  void cancel_timers() {
    reading_timer_.cancel();
    writing_timer_.cancel();
  }

  Reactor& reactor_;
  std::shared_ptr<Budget> in_;
  std::shared_ptr<Budget> out_;
  Timer reading_timer_;
  Timer writing_timer_;
};

std::shared_ptr<Budget> budget(std::size_t rate) {
  return rate == 0 ? nullptr : std::make_shared<Budget>(rate);
}

}  // namespace

Wrap throttle(Reactor& reactor, const ThrottleSettings& settings) {
  return [&reactor, settings, in = budget(settings.in), out = budget(settings.out)](const Address&) {
    return std::make_unique<Throttled>(reactor, settings.each ? budget(settings.in) : in,
                                       settings.each ? budget(settings.out) : out);
  };
}

}  // namespace parley
