#pragma once

#include <algorithm>
#include <cassert>
#include <chrono>
#include <cmath>
#include <optional>
#include <random>

#include "parley/base/clock.h"

namespace parley {

// How long to wait between attempts.
struct BackoffSettings {
  Duration initial = std::chrono::seconds(1);  // more than zero
  Duration most = std::chrono::hours(1);       // never exceeded, jitter included
  double factor = 2.718281828459045;           // each wait is so many times the one before; at least 1
  double jitter = 0.12;  // each is off by at most this part of it, so that not all come at once; 0 to 1
  std::optional<unsigned> max_retries{};  // how many waits there are; none: no end
};

// The arithmetic of reconnecting: exponential, with a bounded jitter and a cap. A value, which knows neither
// clock nor timers.
class Backoff {
 public:
  explicit Backoff(const BackoffSettings& settings = {}) : settings_(settings) {
    assert(settings.initial > Duration::zero() && settings.most >= settings.initial);
    assert(settings.factor >= 1 && settings.jitter >= 0 && settings.jitter <= 1);
  }

  // An attempt has failed: how long to wait before the next one; nothing when it was the last. `random` is a
  // generator of the standard's kind, seeded by the caller.
  template <std::uniform_random_bit_generator Random>
  std::optional<Duration> next(Random& random) {
    if (settings_.max_retries && retries_ >= *settings_.max_retries) return std::nullopt;
    const auto most = static_cast<double>(settings_.most.count());
    const double middle =
        std::min(most, static_cast<double>(settings_.initial.count()) * std::pow(settings_.factor, retries_));
    // At the cap too the waits differ: they lie below it.
    const double low = middle * (1 - settings_.jitter);
    const double high = std::min(most, middle * (1 + settings_.jitter));
    ++retries_;
    const double wait = low < high ? std::uniform_real_distribution(low, high)(random) : low;
    return std::min(settings_.most, Duration(static_cast<Duration::rep>(wait)));
  }

  // An attempt has succeeded: the next wait is the first again.
  void reset() { retries_ = 0; }
  // Waits since then.
  unsigned retries() const { return retries_; }

 private:
  BackoffSettings settings_;
  unsigned retries_ = 0;
};

}  // namespace parley
