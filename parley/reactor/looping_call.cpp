#include "parley/reactor/looping_call.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace parley {

struct LoopingCall::State {
  Reactor& reactor;
  MoveOnlyFunction<void(std::size_t)> call;
  Duration interval{};
  Time due{};  // of the next call; Time::max(): whenever it comes, it says when the others are
  Timer timer{};
};

namespace {

template <class Call>
Call given(Call call) {
  if (!call) throw std::invalid_argument("LoopingCall: there is nothing to call, the function is empty");
  return call;
}

}  // namespace

LoopingCall::LoopingCall(Reactor& reactor, MoveOnlyFunction<void()> call)
    : LoopingCall(reactor, [call = given(std::move(call))](std::size_t) { call(); }) {}

LoopingCall::LoopingCall(Reactor& reactor, MoveOnlyFunction<void(std::size_t)> call)
    : state_(std::make_shared<State>(reactor, given(std::move(call)))) {}

LoopingCall::~LoopingCall() {
  stop();
}

LoopingCall& LoopingCall::operator=(LoopingCall&& other) noexcept {
  if (this != &other) {
    stop();
    state_ = std::move(other.state_);
  }
  return *this;
}

void LoopingCall::start(Duration interval, bool now) {
  if (interval < Duration::zero()) throw std::invalid_argument("LoopingCall: the interval is below zero");
  if (running()) throw std::logic_error("LoopingCall: it is running already; stop it first");
  state_->interval = interval;
  state_->due = now ? Time::max() : later(state_->reactor.clock().now(), interval);
  call_after(state_, now ? Duration::zero() : interval);
}

void LoopingCall::stop() noexcept {
  if (state_ != nullptr) state_->timer.cancel();
}

void LoopingCall::reset() {
  if (!running()) return;
  state_->due = later(state_->reactor.clock().now(), state_->interval);
  state_->timer.reset(state_->interval);
}

bool LoopingCall::running() const {
  return state_ != nullptr && state_->timer.active();
}

Duration LoopingCall::interval() const {
  return state_->interval;
}

void LoopingCall::call_after(const std::shared_ptr<State>& state, Duration delay) {
  state->timer = state->reactor.call_later(delay, [state] { tick(state); });
}

// The next one is arranged before the call, which may stop this, reset it, destroy it, or throw.
void LoopingCall::tick(const std::shared_ptr<State>& state) {
  const Time now = state->reactor.clock().now();
  const Duration interval = state->interval;
  std::size_t passed = 1;
  state->due = std::min(state->due, now);
  if (interval > Duration::zero()) {
    passed += static_cast<std::size_t>((now - state->due) / interval);
    state->due = later(state->due, static_cast<Duration::rep>(passed) * interval);
  }
  call_after(state, state->due - now);
  state->call(passed);
}

}  // namespace parley
