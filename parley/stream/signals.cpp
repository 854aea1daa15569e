#include "parley/stream/signals.h"

#include <algorithm>

namespace parley {

namespace {

std::uint32_t bit(Signal signal) {
  return std::uint32_t{1} << static_cast<unsigned>(signal);
}

}  // namespace

SignalReceiver::SignalReceiver(std::initializer_list<Signal> signals)
    : come_(std::max<std::size_t>(signals.size(), 1)) {
  const auto come = [this](Signal signal) {
    if ((waiting_ & bit(signal)) != 0) return;
    waiting_ |= bit(signal);
    come_.try_put(signal);
  };
  try {
    for (const Signal signal : signals) handlers_.push_back(current_reactor().on_signal(signal, come));
  } catch (...) {
    for (SignalHandler& handler : handlers_) handler.stop();
    throw;
  }
}

SignalReceiver::~SignalReceiver() {
  for (SignalHandler& handler : handlers_) handler.stop();
}

Task<Signal> SignalReceiver::receive() {
  const std::optional<Signal> next = co_await come_.get();
  const Signal signal = *next;  // NOLINT(bugprone-unchecked-optional-access): nobody closes the queue
  waiting_ &= ~bit(signal);
  co_return signal;
}

}  // namespace parley
