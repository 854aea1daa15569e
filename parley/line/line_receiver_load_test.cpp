#include <chrono>
#include <cstddef>
#include <fstream>
#include <gtest/gtest.h>
#include <span>
#include <string>
#include <string_view>

#include "parley/line/line_receiver.h"
#include "parley/reactor/string_transport.h"

namespace parley {
namespace {

// Counts, and keeps nothing.
class Counted : public LineReceiver {
 public:
  explicit Counted(const LineSettings& settings = {}) : LineReceiver(settings) { transport.connect(*this); }

  void line_received(std::string_view line) override {
    ++count;
    bytes += line.size();
    if (pause) transport.pause_reading();
    if (frames) set_raw_mode();
  }
  void raw_data_received(std::span<char> lent) override {
    ++raw_count;
    set_line_mode({lent.data() + 1, lent.size() - 1});
  }
  void line_length_exceeded(std::string_view /*line*/) override {
    ++long_count;
    skip_line();
  }

  StringTransport transport;
  bool pause = false;   // in each line
  bool frames = false;  // after each line comes one raw byte
  std::size_t count = 0;
  std::size_t bytes = 0;
  std::size_t raw_count = 0;
  std::size_t long_count = 0;
};

// Work that takes well under a second when it is linear, and many minutes when it is quadratic.

constexpr std::size_t much = 3 << 20;

class Watch {
 public:
  bool too_slow() const { return std::chrono::steady_clock::now() - start_ > std::chrono::seconds(60); }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

TEST(LineReceiverLoad, ByteByByteTakesLinearTime) {
  for (const std::string_view delimiter : {"", "\n", "\r\n", "aaaaaaaab"}) {
    const Watch watch;
    Counted lines({.delimiter = delimiter, .max_length = much});
    for (std::size_t i = 0; i < much; ++i) {
      char byte = 'a';
      lines.data_received({&byte, 1});
      ASSERT_FALSE(i % 4096 == 0 && watch.too_slow()) << i;
    }
    std::string end(delimiter.empty() ? "\r\n" : delimiter);
    lines.data_received(end);
    EXPECT_EQ(lines.count, 1U);
    EXPECT_EQ(lines.bytes, much);
  }
}

TEST(LineReceiverLoad, PausingInEachLineTakesLinearTime) {
  const Watch watch;
  Counted lines;
  lines.pause = true;
  std::string lent(much, '\n');
  lines.data_received(lent);
  for (std::size_t turn = 1; turn < much; ++turn) {
    ASSERT_EQ(lines.count, turn);
    ASSERT_FALSE(turn % 4096 == 0 && watch.too_slow()) << turn;
    lines.transport.resume_reading();
    lines.transport.turn();
  }
  EXPECT_EQ(lines.count, much);
}

TEST(LineReceiverLoad, SwitchingBackAndForthTakesLinearTime) {
  const Watch watch;
  Counted lines;
  lines.frames = true;
  std::string lent;
  for (std::size_t i = 0; i < much / 4; ++i) lent += "ab\nr";
  lines.data_received(lent);
  EXPECT_EQ(lines.count, much / 4);
  EXPECT_EQ(lines.raw_count, much / 4);
  EXPECT_FALSE(watch.too_slow());
}

std::size_t resident_bytes() {
  std::size_t total = 0;
  std::size_t resident = 0;
  std::ifstream("/proc/self/statm") >> total >> resident;
  return resident * 4096;
}

TEST(LineReceiverLoad, ASkippedLineIsNotKept) {
  Counted lines({.delimiter = "\r\n", .max_length = 100});
  std::string lent(64 << 10, 'x');
  lines.data_received(lent);
  const std::size_t before = resident_bytes();
  for (int i = 0; i < 4096; ++i) lines.data_received(lent);  // 256 MiB
  EXPECT_LT(resident_bytes(), before + (64 << 20));
  lines.transport.receive("\r");
  lines.transport.receive("\r");
  lines.transport.receive("\nnext\r\n");
  EXPECT_EQ(lines.long_count, 1U);
  EXPECT_EQ(lines.bytes, 4U);
}

}  // namespace
}  // namespace parley
