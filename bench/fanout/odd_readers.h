// Clients that do not read as others do: not at all, a drip, or in bursts. What they read is not checked, and
// whether the server cuts them off is its own affair.
#pragma once

#include <cstddef>
#include <cstdint>

#include "bench/fanout/crowd.h"
#include "bench/fanout/meter.h"

namespace bench {

class OddReaders {
 public:
  // The last so many of the crowd, who are set aside.
  OddReaders(Crowd& crowd, std::size_t stuck, std::size_t dripping, std::size_t bursting)
      : crowd_(crowd),
        dripping_(dripping),
        bursting_(bursting),
        first_(crowd.size() - stuck - dripping - bursting) {}

  std::size_t first() const { return first_; }

  // Reads what is due: 1 KiB each 0.1 s; or for a tenth of every second, all there is.
  void read() {
    const std::uint64_t time = now();
    if (time >= next_drip_) {
      next_drip_ = time + 100'000'000;
      for (std::size_t i = 0; i < dripping_; ++i) crowd_.read_aside(first_ + i, 1024);
    }
    if (time % 1'000'000'000 < 100'000'000) {
      for (std::size_t i = 0; i < bursting_; ++i) crowd_.read_aside(first_ + dripping_ + i, 16 * 1024 * 1024);
    }
  }

 private:
  Crowd& crowd_;
  std::size_t dripping_;
  std::size_t bursting_;
  std::size_t first_;
  std::uint64_t next_drip_ = 0;
};

}  // namespace bench
