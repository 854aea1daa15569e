// Clocks and counters: the time, a process's CPU time and memory, and a histogram of latencies.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <stdexcept>
#include <string>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

namespace bench {

// Nanoseconds of the monotonic clock.
inline std::uint64_t now() {
  timespec time{};
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(time.tv_nsec);
}

// What a process has used, in user space and in the kernel on its behalf, all threads together. Its CPU
// clock is the scheduler's own account in nanoseconds (that of /proc/PID/schedstat), and unlike the file it
// is exact while the process runs.
class ProcessMeter {
 public:
  // Throws std::runtime_error if there is no such process.
  explicit ProcessMeter(pid_t pid) : pid_(pid) {
    if (::clock_getcpuclockid(pid, &clock_) != 0)
      throw std::runtime_error("no process " + std::to_string(pid));
  }

  // Nanoseconds of CPU so far.
  std::uint64_t cpu() const {
    timespec time{};
    if (::clock_gettime(clock_, &time) != 0) throw std::runtime_error("the server is gone");
    return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(time.tv_nsec);
  }

  // KiB of memory, by the name of a line in smaps_rollup: "Rss:" or "Anonymous:". It is counted page by page;
  // the figures of /proc/PID/status may be some 100 KiB off, which is much for ten thousand clients.
  std::uint64_t memory(const std::string& name) const {
    std::ifstream file("/proc/" + std::to_string(pid_) + "/smaps_rollup");
    for (std::string word; file >> word;) {
      std::uint64_t size;
      if (word == name && file >> size) return size;
    }
    throw std::runtime_error("cannot read the server's smaps_rollup");
  }

 private:
  pid_t pid_;
  clockid_t clock_;
};

// Counts values in buckets of 1/32 of their power of two: a percentile is at most 3 % too high.
class Histogram {
 public:
  void add(std::uint64_t value) { ++buckets_[bucket(value)]; }
  void clear() { buckets_.fill(0); }

  // The upper end of the bucket below which the share (0 to 1) of all values lies; 0 if there are none.
  std::uint64_t percentile(double share) const {
    std::uint64_t all = 0;
    for (const std::uint64_t count : buckets_) all += count;
    const auto wanted = static_cast<std::uint64_t>(share * static_cast<double>(all));
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < buckets_.size(); ++i) {
      seen += buckets_[i];
      if (seen > wanted) return upper(i);
    }
    return 0;
  }

 private:
  static std::size_t bucket(std::uint64_t value) {
    if (value < 32) return value;
    const auto shift = static_cast<std::size_t>(std::bit_width(value)) - 6;
    return shift * 32 + (value >> shift);
  }
  static std::uint64_t upper(std::size_t index) {
    if (index < 64) return index;
    const std::size_t shift = index / 32 - 1;
    return ((index % 32 + 33) << shift) - 1;
  }

  std::array<std::uint64_t, 60 * 32 + 64> buckets_{};
};

}  // namespace bench
