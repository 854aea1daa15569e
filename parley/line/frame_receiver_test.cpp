#include "parley/line/frame_receiver.h"

#include <chrono>
#include <malloc.h>
#include <string>

#include "parley/line/every_split_fixture.h"
#include "parley/line/int_receiver.h"
#include "parley/line/line_only_receiver.h"
#include "parley/line/netstring_receiver.h"
#include "parley/line/stateful_receiver.h"
#include "parley/line/terminator_receiver.h"

namespace parley {
namespace {

// What holds for every receiver: time, memory, and half-close.

class Counted {
 public:
  void count(std::string_view bytes) {
    ++frames;
    size += bytes.size();
    if (pause) wire.pause_reading();
  }
  StringTransport wire;
  bool pause = false;
  std::size_t frames = 0;
  std::size_t size = 0;
};

struct Lines : Counted, LineOnlyReceiver {
  Lines() : LineOnlyReceiver({.max_length = 1 << 24}) {}
  void line_received(std::string_view line) override { count(line); }
  static std::string frame(std::size_t size) { return std::string(size, 'x') + "\r\n"; }
};
struct Netstrings : Counted, NetstringReceiver {
  Netstrings() : NetstringReceiver(1 << 24) {}
  void string_received(std::string_view string) override { count(string); }
  static std::string frame(std::size_t size) {
    return std::to_string(size) + ":" + std::string(size, 'x') + ",";
  }
};
struct Strings : Counted, Int32Receiver {
  Strings() : Int32Receiver(1 << 24) {}
  void string_received(std::string_view string) override { count(string); }
  static std::string frame(std::size_t size) {
    std::string prefix;
    for (int shift = 24; shift >= 0; shift -= 8) prefix += static_cast<char>(size >> shift & 0xff);
    return prefix + std::string(size, 'x');
  }
};
struct States : Counted, StatefulReceiver {
  State initial_state() override { return {&States::header, 8}; }
  State header(std::string_view digits) { return {&States::body, std::stoul(std::string(digits))}; }
  State body(std::string_view bytes) {
    count(bytes);
    return {&States::header, 8};
  }
  static std::string frame(std::size_t size) {
    const std::string digits = std::to_string(size);
    return std::string(8 - digits.size(), '0') + digits + std::string(size, 'x');
  }
};
struct Terminated : Counted, TerminatorReceiver {
  Terminated() { set_terminator("xxxxy"); }
  void collect_incoming_data(std::span<char> lent) override { size += lent.size(); }
  void found_terminator() override { count({}); }
  static std::string frame(std::size_t bytes) { return std::string(bytes, 'x') + "xxxxy"; }
};

template <class Receiver>
class FrameReceiverTest : public testing::Test {};
using Receivers = testing::Types<Lines, Netstrings, Strings, States, Terminated>;
TYPED_TEST_SUITE(FrameReceiverTest, Receivers);

class Watch {
 public:
  bool too_slow() const { return std::chrono::steady_clock::now() - start_ > std::chrono::seconds(60); }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

// Work that takes far less than a second when it is linear, and many minutes when it is quadratic.
constexpr std::size_t much = 2 << 20;

TYPED_TEST(FrameReceiverTest, ByteByByteTakesLinearTime) {
  const Watch watch;
  TypeParam it;
  it.wire.connect(it);
  std::size_t i = 0;
  for (char byte : it.frame(much)) {
    it.data_received({&byte, 1});
    ASSERT_FALSE(++i % 4096 == 0 && watch.too_slow()) << i;
  }
  EXPECT_EQ(it.frames, 1U);
  EXPECT_EQ(it.size, much);
}

TYPED_TEST(FrameReceiverTest, PausingInEachFrameTakesLinearTime) {
  const Watch watch;
  TypeParam it;
  it.wire.connect(it);
  it.pause = true;
  std::string lent;
  const std::string frame = it.frame(1);
  const std::size_t frames = much / 2 / frame.size();
  for (std::size_t i = 0; i < frames; ++i) lent += frame;
  it.data_received(lent);
  for (std::size_t turn = 1; turn < frames; ++turn) {
    ASSERT_EQ(it.frames, turn);
    ASSERT_FALSE(turn % 4096 == 0 && watch.too_slow()) << turn;
    it.wire.resume_reading();
    it.wire.turn();
  }
  EXPECT_EQ(it.frames, frames);
}

// Bytes on the heap that are in use; 0 under sanitizers, whose heap is another.
std::size_t heap() {
  return mallinfo2().uordblks;
}

TYPED_TEST(FrameReceiverTest, AnIdleOneOwnsNoMemory) {
  TypeParam it;
  it.wire.connect(it);
  const std::string whole = it.frame(5000);
  for (std::size_t round = 1; round < 3;
       ++round) {  // the first may buy something for good, for the test itself
    const std::size_t before = heap();
    for (char lent : whole.substr(0, 4000)) it.data_received({&lent, 1});
    if (round == 2) {
      EXPECT_LE(heap(), before + 2 * whole.size() + 500);
    }
    for (char lent : whole.substr(4000)) it.data_received({&lent, 1});
    EXPECT_EQ(it.frames, round);
    if (round == 2) {
      EXPECT_EQ(heap(), before);
    }
  }
}

TYPED_TEST(FrameReceiverTest, ManyFramesAtOnceDoNotRecurse) {
  TypeParam it;
  it.wire.connect(it);
  std::string lent;
  for (int i = 0; i < 100000; ++i) lent += it.frame(1);
  it.data_received(lent);
  EXPECT_EQ(it.frames, 100000U);
}

}  // namespace
}  // namespace parley
