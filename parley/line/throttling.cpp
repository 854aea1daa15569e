#include "parley/line/throttling.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "parley/reactor/filter.h"
#include "parley/reactor/producer.h"

namespace parley {

// What may pass: it fills with time, up to a second's worth, and may be overdrawn.
class ThrottlingFactory::Budget {
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

class ThrottlingFactory::Throttled final : public Filter, private Producer {
 public:
  Throttled(Reactor& reactor, std::unique_ptr<Protocol> application, const ThrottleSettings& settings,
            std::shared_ptr<Budget> in, std::shared_ptr<Budget> out)
      : Filter(std::move(application)),
        reactor_(reactor),
        settings_(settings),
        in_(std::move(in)),
        out_(std::move(out)) {}

  ~Throttled() override {
    reading_timer_.cancel();
    writing_timer_.cancel();
  }

  // In.

  void data_received(std::span<char> lent) override {
    const std::size_t size = lent.size();
    Filter::data_received(lent);
    if (in_ == nullptr) return;
    in_->spend(size);
    rest();
  }
  void pause_reading() override {
    paused_ = true;
    below().pause_reading();
  }
  void resume_reading() override {
    paused_ = false;
    if (!resting_) below().resume_reading();
  }
  bool reading() const override { return !leaving_ && below().reading(); }

  // Out.

  void write(std::string_view bytes) override {
    if (ended()) return;
    const std::size_t some = pass(bytes.size());
    below().write(bytes.substr(0, some));
    if (some < bytes.size()) wait(Slice(std::string(bytes.substr(some))));
  }
  void write(Slice slice) override {
    if (ended()) return;
    const std::size_t some = pass(slice.size());
    if (some == slice.size()) return below().write(std::move(slice));
    below().write(slice.view().substr(0, some));
    slice.remove_prefix(some);
    wait(std::move(slice));
  }
  void writelines(std::span<const std::string_view> pieces) override {
    for (const std::string_view piece : pieces) write(piece);
  }
  std::size_t queued() const override { return waiting_bytes_ + below().queued(); }
  void pause_writing() override {
    below_is_full_ = true;
    tell_pressure();
  }
  void resume_writing() override {
    below_is_full_ = false;
    tell_pressure();
  }
  void register_producer(Producer& producer, Production how) override {
    below().register_producer(*this, how);
    producer_ = &producer;
    streams_ = how == Production::streaming;
  }
  void unregister_producer() override {
    producer_ = nullptr;
    hungry_ = false;
    below().unregister_producer();
    end_if_sent();
  }

  // Ending.

  void shutdown_write() override {
    shut_ = true;
    end_if_sent();
  }
  void lose_connection() override {
    if (std::exchange(leaving_, true)) return;
    // What waits here is sent first: the transport below takes nothing any more once it closes.
    below().pause_reading();  // what comes is no longer asked for
    end_if_sent();
  }
  bool eof_received() override {
    if (Filter::eof_received()) return true;
    lose_connection();
    return true;
  }
  void connection_lost(Reason reason) override {
    reading_timer_.cancel();
    writing_timer_.cancel();
    waiting_.clear();
    waiting_bytes_ = 0;
    shut_ = true;
    Filter::connection_lost(reason);
  }

 private:
  // Whether writing has ended. A producer goes on while the connection waits for it.
  bool ended() const { return shut_ || (leaving_ && producer_ == nullptr); }

  void rest() {
    if (in_->level(reactor_.clock().now()) >= 0) return;
    resting_ = true;
    below().pause_reading();
    reading_timer_ = reactor_.call_later(in_->until(reactor_.clock().now(), 0), [this] { wake(); });
  }
  void wake() {
    resting_ = false;
    rest();  // others may have used it up
    if (!resting_ && !paused_ && !leaving_) below().resume_reading();
  }

  // How much of what is written may leave now. Order holds: nothing overtakes what waits.
  std::size_t pass(std::size_t size) {
    if (out_ == nullptr) return size;
    const std::size_t some = waiting_.empty() ? std::min(size, out_->available(reactor_.clock().now())) : 0;
    out_->spend(some);
    return some;
  }
  void wait(Slice slice) {
    if (waiting_bytes_ > settings_.most) return below().abort_connection();
    waiting_bytes_ += slice.size();
    waiting_.push_back(std::move(slice));
    // By a timer at once, and not from here: the application is in the middle of writing.
    const bool pressure_is_news = waiting_bytes_ > settings_.high_water && !pressed_;
    if (pressure_is_news || !writing_timer_.active()) {
      set_writing_timer(pressure_is_news ? Duration::zero() : next());
    }
  }
  Duration next() { return out_->until(reactor_.clock().now(), waiting_bytes_); }
  void set_writing_timer(Duration after) {
    writing_timer_.cancel();
    writing_timer_ = reactor_.call_later(after, [this] { from_timer([this] { send(); }); });
  }

  // What may leave now, and what follows from it.
  void send() {
    std::size_t some = std::min(out_->available(reactor_.clock().now()), waiting_bytes_);
    out_->spend(some);
    waiting_bytes_ -= some;
    while (some > 0) {
      Slice& first = waiting_.front();
      const std::size_t size = std::min(some, first.size());
      some -= size;
      if (size < first.size()) {
        below().write(first.view().substr(0, size));
        first.remove_prefix(size);
      } else {
        below().write(std::move(first));
        waiting_.pop_front();
      }
    }
    end_if_sent();
    if (!waiting_.empty()) set_writing_timer(next());
    tell_pressure();
    if (waiting_.empty() && std::exchange(hungry_, false)) producer_->resume_producing();
  }

  void end_if_sent() {
    if (!waiting_.empty()) return;
    if (shut_) below().shutdown_write();
    if (leaving_ && producer_ == nullptr) below().lose_connection();
  }

  void tell_pressure() {
    const bool much = waiting_bytes_ > (pressed_ ? settings_.low_water : settings_.high_water);
    const bool pressed = much || below_is_full_;
    if (pressed == pressed_) return;
    pressed_ = pressed;
    if (pressed) {
      if (producer_ != nullptr && streams_) producer_->pause_producing();
      application().pause_writing();
    } else {
      application().resume_writing();
      if (producer_ != nullptr && streams_) producer_->resume_producing();
    }
  }

  // The producer that the transport below knows: it is asked for more only when nothing waits here.
  void resume_producing() override {
    if (streams_ || producer_ == nullptr) return;  // `tell_pressure` does it
    if (waiting_.empty()) return producer_->resume_producing();
    hungry_ = true;
  }
  void stop_producing() override {
    if (Producer* const producer = std::exchange(producer_, nullptr)) producer->stop_producing();
  }

  Reactor& reactor_;
  const ThrottleSettings settings_;
  std::shared_ptr<Budget> in_;
  std::shared_ptr<Budget> out_;
  Timer reading_timer_;
  Timer writing_timer_;
  std::deque<Slice> waiting_;
  std::size_t waiting_bytes_ = 0;
  Producer* producer_ = nullptr;
  bool streams_ = false;
  bool hungry_ = false;         // the producer was asked for, and something waited
  bool paused_ = false;         // by the application
  bool resting_ = false;        // until what came in has been paid for
  bool below_is_full_ = false;  // the transport below has told so
  bool pressed_ = false;        // the application was told so
  bool shut_ = false;
  bool leaving_ = false;
};

namespace {
template <class Budget>
std::shared_ptr<Budget> budget(std::size_t rate) {
  return rate == 0 ? nullptr : std::make_shared<Budget>(rate);
}
}  // namespace

ThrottlingFactory::ThrottlingFactory(Reactor& reactor, std::shared_ptr<Factory> inner,
                                     const ThrottleSettings& settings)
    : WrappingFactory(std::move(inner)),
      reactor_(reactor),
      settings_(settings),
      in_(budget<Budget>(settings.in)),
      out_(budget<Budget>(settings.out)) {}
ThrottlingFactory::~ThrottlingFactory() = default;

std::unique_ptr<Protocol> ThrottlingFactory::wrap(std::unique_ptr<Protocol> made, const Address& /*peer*/) {
  return std::make_unique<Throttled>(reactor_, std::move(made), settings_,
                                     settings_.each ? budget<Budget>(settings_.in) : in_,
                                     settings_.each ? budget<Budget>(settings_.out) : out_);
}

}  // namespace parley
