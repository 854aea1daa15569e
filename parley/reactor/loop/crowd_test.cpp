// How one reader's speed concerns the others, in steps of a millisecond and without a socket.

#include "parley/reactor/loop/crowd.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <gtest/gtest.h>
#include <random>
#include <vector>

namespace parley {
namespace {

using namespace std::chrono_literals;

// One who is told what a group is told. The kernel takes its bytes, a third of its buffer at once.
struct Reader {
  std::function<double(int)> speed;  // bytes that it reads in that millisecond
  double kernel = 0;                 // bytes that lie in the kernel
  bool full = false;
  double behind = 0;
  double read = 0;
  bool lost = false;
  double buffer = 1 << 20;  // what the kernel takes for it
};

std::function<double(int)> steady(double bytes) {
  return [bytes](int) { return bytes; };
}

class Room {
 public:
  explicit Room(std::vector<Reader> all) : readers(std::move(all)) {}

  // One sender, who has so much to say in a millisecond while it does not rest, in pieces of 4 KiB.
  void run(int milliseconds, double offered, double in_all = 1e18) {
    for (int i = 0; i < milliseconds; ++i, ++at_) {
      now_ += 1ms;
      double left = offered;
      while (left > 0 && now_ >= rests_ && told < in_all) {
        const double piece = std::min(left, 4096.0);
        left -= piece;
        told += piece;
        for (Reader& reader : readers) reader.behind += reader.lost ? 0 : piece;
        rests_ = now_ + rest();
      }
      for (std::size_t slot = 0; slot < readers.size(); ++slot) flush(slot);
    }
  }

  // What the readers from the second on have read, each on average.
  double others() const {
    double total = 0;
    for (std::size_t i = 1; i < readers.size(); ++i) total += readers[i].read;
    return total / static_cast<double>(readers.size() - 1);
  }
  std::size_t lost() const {
    return static_cast<std::size_t>(
        std::count_if(readers.begin(), readers.end(), [](const Reader& reader) { return reader.lost; }));
  }

  std::vector<Reader> readers;
  double told = 0;
  bool tells_what_it_holds = true;  // the kernel

 private:
  static TransportId id(std::size_t slot) { return {static_cast<std::uint32_t>(slot), 1}; }

  Duration rest() {
    if (loaded_.empty()) return {};
    if (!crowd_.knows(loaded_.version())) {
      Crowding crowding;
      for (std::size_t slot = 0; slot < readers.size(); ++slot) {
        if (readers[slot].lost || !moves(slot)) continue;
        ++crowding.moving;
        crowding.loaded += is_loaded(slot) ? 1 : 0;
        crowding.busy += readers[slot].full ? 1 : 0;
        crowding.far += loaded_.far(id(slot)) ? 1 : 0;
      }
      crowd_.look(crowding, now_, loaded_.version());
    }
    return crowd_.rest(now_, limits_.brake, patience_);
  }
  bool moves(std::size_t slot) {
    if (loaded_.asks(id(slot), now_)) {  // its receiver takes a sixteenth of its buffer at once
      const double step = readers[slot].buffer / 16;
      if (tells_what_it_holds)
        loaded_.holds(id(slot), static_cast<std::size_t>(std::ceil(readers[slot].kernel / step) * step));
    }
    return loaded_.moves(id(slot), now_);
  }
  bool is_loaded(std::size_t slot) const { return loaded_.is(static_cast<std::size_t>(noted_[slot])); }

  void flush(std::size_t slot) {
    Reader& reader = readers[slot];
    const double read = std::min(reader.kernel, reader.speed(at_));
    reader.kernel -= read;
    reader.read += read;
    if (reader.lost) return;
    if (reader.full && reader.kernel > reader.buffer * 2 / 3) return note(slot);
    const double taken = std::min(reader.behind, reader.buffer - reader.kernel);
    reader.kernel += taken;
    reader.behind -= taken;
    reader.full = reader.behind > 0;
    if (taken > 0) loaded_.took(id(slot), static_cast<std::size_t>(taken));
    note(slot);
  }
  void note(std::size_t slot) {
    Reader& reader = readers[slot];
    noted_.resize(readers.size());
    if (reader.behind > static_cast<double>(limits_.sendq_bytes)) {
      reader.lost = true;
      reader.behind = 0;
    }
    const auto behind = static_cast<std::size_t>(reader.behind);
    noted_[slot] = reader.behind;
    if (loaded_.is(behind)) {
      loaded_.set(id(slot), behind, now_);
    } else {
      loaded_.drop(id(slot));
    }
  }

  Limits limits_;
  Time now_{1h};
  Time rests_{};
  int at_ = 0;
  std::vector<double> noted_;
  Loaded loaded_{limits_};
  Crowd crowd_;
  Patience patience_{Crowd::percent, Crowd::most, Crowd::most};
};

constexpr double keeps_up = 20000;  // bytes in a millisecond, of 10,000 that are offered
constexpr double offered = 10000;

// Others than the first, which reads as it does, and what they read without it.
double share_of_others(const std::function<double(int)>& odd, std::size_t count, double speed, double told,
                       int milliseconds = 20000) {
  const auto room_with = [&](const std::function<double(int)>& first) {
    std::vector<Reader> readers(count, Reader{.speed = steady(speed)});
    readers[0].speed = first;
    return Room(readers);
  };
  Room without = room_with(steady(speed));
  Room with = room_with(odd);
  without.run(milliseconds, told);
  with.run(milliseconds, told);
  return with.others() / without.others();
}

std::vector<std::function<double(int)>> odd_readers(double speed) {
  std::vector<std::function<double(int)>> odd;
  for (const double part : {0.0, 0.001, 0.01, 0.2, 0.5, 0.8, 0.9, 0.97}) odd.push_back(steady(part * speed));
  for (const int period : {50, 500, 3000}) {
    odd.push_back([=](int at) { return at / period % 2 == 0 ? 2 * speed : 0; });
    odd.push_back([=](int at) { return at % period == 0 ? speed * period / 2 : 0; });
  }
  return odd;
}

TEST(Crowd, OneReaderCostsTheOthersATenthWhileMostKeepUp) {
  int number = 0;
  for (const auto& odd : odd_readers(offered)) {
    SCOPED_TRACE(number++);
    EXPECT_GT(share_of_others(odd, 20, keeps_up, offered), 0.9);
    EXPECT_GT(share_of_others(odd, 4, keeps_up, offered), 0.9);
  }
}

// All that was saved is spent in them. A smaller room may spend more of it.
TEST(Crowd, OneReaderCostsARoomOfManyATenthInTheFirstSecondsToo) {
  int number = 0;
  for (const auto& odd : odd_readers(offered)) {
    SCOPED_TRACE(number++);
    EXPECT_GT(share_of_others(odd, 20, keeps_up, offered, 5000), 0.9);
  }
}

TEST(Crowd, OneReaderCostsTheOthersAQuarterWhileMostAreBehind) {
  int number = 0;
  for (const auto& odd : odd_readers(offered)) {
    SCOPED_TRACE(number++);
    EXPECT_GT(share_of_others(odd, 20, offered, 5 * offered), 0.75);
  }
}

TEST(Crowd, FiftyStuckOnesOfAThousandCostTheOthersLittle) {
  const auto read = [](std::size_t stuck) {
    std::vector<Reader> readers(1000, Reader{.speed = steady(keeps_up)});
    for (std::size_t i = 0; i < stuck; ++i) readers[1 + i].speed = steady(0);
    Room room(readers);
    room.run(3000, offered);
    return room.readers.back().read;
  };
  EXPECT_GT(read(50) / read(0), 0.8);
}

// How much the kernel takes for each is its own affair. Where that differs by megabytes, one with less seems
// slower than others of its speed, and not all survive: what the others have in the kernel is not known.
TEST(Crowd, TenReadersOfAboutOneSpeedSurviveABurst) {
  struct Buffers {
    double least, most;
  };
  for (const Buffers buffers :
       {Buffers{64e3, 64e3}, Buffers{1e6, 1e6}, Buffers{4e6, 4e6}, Buffers{1e6, 8e6}}) {
    std::size_t lost = 0;
    for (unsigned seed = 0; seed < 50; ++seed) {
      SCOPED_TRACE(testing::Message() << buffers.most << ", seed " << seed);
      std::mt19937 random(seed);
      std::uniform_real_distribution<double> speed(4500, 5000);
      std::uniform_real_distribution<double> buffer(buffers.least, buffers.most);
      std::vector<Reader> readers(10);
      for (Reader& reader : readers) {
        reader.speed = steady(speed(random));
        reader.buffer = buffer(random);
      }
      Room room(readers);
      room.run(20000, 100000, 16.8e6);
      lost += room.lost();
      EXPECT_GE(room.told, 16.8e6);
    }
    const bool alike = buffers.least == buffers.most;
    EXPECT_LE(lost, alike ? 0U : 100U) << "of 500; " << buffers.least << " to " << buffers.most;
  }
}

// The kernel has room for more after each third of its buffer alone: with 4 MB, every few seconds.
TEST(Crowd, SlowReadersOfOneSpeedSurviveABurstWhereTheKernelTellsWhatItHolds) {
  for (const bool tells : {true, false}) {
    std::vector<Reader> readers;
    for (int i = 0; i < 10; ++i) readers.push_back({.speed = steady(300 + i), .buffer = 4e6});
    Room room(readers);
    room.tells_what_it_holds = tells;
    room.run(60000, 100000, 16.8e6);
    EXPECT_EQ(room.lost() == 0, tells);
  }
}

TEST(Crowd, TwoThatDripDoNotSetThePaceOfASmallRoom) {
  const auto read = [](double drip) {
    std::vector<Reader> readers(10, Reader{.speed = steady(keeps_up)});
    readers[0].speed = readers[1].speed = steady(drip);
    Room room(readers);
    room.run(20000, offered);
    return room.readers.back().read;
  };
  EXPECT_GT(read(10) / read(keeps_up), 0.9);  // 10 kB a second
}

TEST(Crowd, WhoTellsOneSlowReaderAloneIsSlowed) {
  Room room({{.speed = steady(1000), .buffer = 64e3}});
  room.run(20000, offered);
  EXPECT_EQ(room.lost(), 0U);
  EXPECT_LT(room.told, 20000 * 1000 + 2e6);
  EXPECT_GT(room.told, 20000 * 1000 * 0.9);
}

TEST(Crowd, WhoHasStoppedIsWaitedForTwoSecondsAtMostAndThenLost) {
  Room room({{.speed = steady(0), .buffer = 64e3}});
  room.run(2500, offered);
  EXPECT_EQ(room.lost(), 1U);
}

TEST(Patience, IsAShareOfTimeAndWhoWaitsAlongCostsNothing) {
  Time now{1h};
  Patience patience(5, 200ms, 20ms);
  patience.pass(now);
  EXPECT_TRUE(patience.wait(now, 10ms));
  EXPECT_TRUE(patience.wait(now, 10ms));        // along
  EXPECT_TRUE(patience.wait(now + 5ms, 10ms));  // half of it
  EXPECT_FALSE(patience.wait(now + 20ms, 10ms));
  now += 20ms;
  for (int i = 0; i < 100; ++i) patience.pass(now += 1ms);
  EXPECT_TRUE(patience.wait(now, 10ms));
  EXPECT_FALSE(patience.wait(now + 10ms, 10ms));
  EXPECT_TRUE(patience.wait(now, 10ms, 10ms));  // along, whatever is to be left
  patience.pass(now += 24h * 365 * 100);
  int waits = 0;
  for (; patience.wait(now, 10ms, 80ms); now += 10ms) ++waits;
  EXPECT_EQ(waits, 12);
  for (; patience.wait(now, 10ms); now += 10ms) ++waits;
  EXPECT_EQ(waits, 20);
}

}  // namespace
}  // namespace parley
