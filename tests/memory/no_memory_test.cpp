// Where the loop finds no memory for what it does itself, a connection that lags pays for it, and the loop
// goes on. Each allocation of a turn fails once, one after another.

#include <cstdlib>
#include <gtest/gtest.h>
#include <limits>
#include <new>

#include "tests/memory/laggards.h"

namespace {

constexpr std::size_t never = std::numeric_limits<std::size_t>::max();
std::size_t until_failure = never;

void* allocate(std::size_t size) {
  if (until_failure != never && until_failure-- == 0) {
    until_failure = never;
    throw std::bad_alloc();
  }
  if (void* const memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}

}  // namespace

void* operator new(std::size_t size) {
  return allocate(size);
}
void* operator new[](std::size_t size) {
  return allocate(size);
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  try {
    return allocate(size);
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}
void* operator new[](std::size_t size, const std::nothrow_t& nothrow) noexcept {
  return operator new(size, nothrow);
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete[](void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, std::size_t) noexcept {
  std::free(memory);
}

namespace parley {
namespace {

// What a turn writes: to everybody, and in several pieces that lie apart to one who reads.
struct Writing {
  Laggards& laggards;
  std::string sent{};  // to the first, who reads

  void operator()(std::size_t size) {
    const std::string large(size, 'l');
    laggards.group().broadcast(large);
    sent += large;
    for (int i = 0; i < 3; ++i) {
      Transport* const reader = laggards.transports().front();
      reader->write("one");
      laggards.group().broadcast("two");
      sent += "onetwo";
    }
  }
};

TEST(NoMemoryTest, AFailureInTheFlushCostsOneThatLags) {
  std::size_t failures = 0;
  for (std::size_t nth = 0;; ++nth) {
    SCOPED_TRACE(nth);
    Laggards laggards({}, 6);
    Writing writing{laggards};
    std::string received;
    const auto read = [&] { received += laggards.read(0); };
    for (int i = 0; i < 4; ++i) {
      laggards.in_turn([&] { writing(30'000); });
      for (int j = 0; j < 40; ++j) {
        read();
        laggards.turn();
      }
    }
    ASSERT_EQ(received.size(), writing.sent.size());
    ASSERT_EQ(laggards.lost(), 0U);
    // From the end of the callback to the end of the turn.
    laggards.reactor().post([&] {
      writing(20'000);
      until_failure = nth;
    });
    ASSERT_NO_THROW(laggards.turn());
    const bool failed = until_failure == never;
    until_failure = never;
    laggards.in_turn([&] { writing(100); });
    for (int j = 0; j < 200 && received.size() < writing.sent.size(); ++j) {
      read();
      laggards.turn();
    }
    EXPECT_TRUE(laggards.connected(0));
    EXPECT_EQ(received.size(), writing.sent.size());
    EXPECT_EQ(laggards.lost(), laggards.lost(Reason::Kind::overload));
    if (!failed) break;
    ++failures;
    EXPECT_LE(laggards.lost(), 1U);
  }
  EXPECT_GE(failures, 3U);
}

// A callback's own failure is its connection's.
TEST(NoMemoryTest, AFailureInACallbackIsItsOwn) {
  Limits limits;
  limits.queued_total = 16 * 1024 * 1024;
  Laggards laggards(limits, 3);
  const std::string large(1'000'000, 'x');
  laggards.in_turn([&] {
    until_failure = 0;
    EXPECT_THROW(laggards.group().broadcast(large), std::bad_alloc);
  });
  EXPECT_EQ(laggards.lost(), 0U);
  // What is written in one callback has a limit too.
  const std::string half(9'000'000, 'x');
  laggards.in_turn([&] {
    EXPECT_THROW(
        {
          laggards.group().broadcast(half);
          laggards.group().broadcast(half);
        },
        std::length_error);
  });
}

}  // namespace
}  // namespace parley
