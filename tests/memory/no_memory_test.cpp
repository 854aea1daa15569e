// Where the loop finds no memory for what it does itself, a connection that lags pays for it, and the loop
// goes on. Each allocation of a turn fails once, one after another.

#include <cstdlib>
#include <gtest/gtest.h>
#include <limits>
#include <malloc.h>
#include <new>
#include <stdexcept>

#include "tests/memory/laggards.h"

namespace {

constexpr std::size_t never = std::numeric_limits<std::size_t>::max();
std::size_t until_failure = never;
// From the failure on nothing is to be had, until that much was given back.
std::size_t wanted_back = 0;  // bytes
bool exhausted = false;
std::size_t given_back = 0;

void* allocate(std::size_t size) {
  if (exhausted) throw std::bad_alloc();
  if (until_failure != never && until_failure-- == 0) {
    until_failure = never;
    exhausted = wanted_back != 0;
    given_back = 0;
    throw std::bad_alloc();
  }
  if (void* const memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}

void release(void* memory) {
  if (exhausted && memory != nullptr) {
    given_back += ::malloc_usable_size(memory);
    exhausted = given_back < wanted_back;
  }
  std::free(memory);
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
  release(memory);
}
void operator delete[](void* memory) noexcept {
  release(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  release(memory);
}
void operator delete[](void* memory, std::size_t) noexcept {
  release(memory);
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

class Pulled final : public Producer {
 public:
  explicit Pulled(Transport& transport) : transport_(transport) {}
  void resume_producing() override {
    transport_.write("piece");
    if (++pieces_ == 3) transport_.unregister_producer();
  }
  void stop_producing() override {}

 private:
  Transport& transport_;
  int pieces_ = 0;
};

// Everything that a loop does for connections, in one turn.
struct Doing {
  Laggards& laggards;
  std::unique_ptr<Pulled> producer{};

  void operator()(Transport& transport, std::span<char> data) {
    switch (data[0]) {
      case 'b':
        return laggards.group().broadcast(std::string(300'000, 'b'));
      case 'c':
        transport.write("last words");
        return transport.lose_connection();
      case 'h':
        return transport.shutdown_write();
      case 'p':
        transport.pause_reading();
        return transport.resume_reading();
      case 'r':
        producer = std::make_unique<Pulled>(transport);
        return transport.register_producer(*producer, Production::pulled);
      case 't':
        throw std::runtime_error("a handler's own failure");
      case 'w':
        return transport.write(std::string(200'000, 'w'));
      default:
        return transport.write("echo");
    }
  }
};

// Nothing is to be had from some allocation on, whichever it is, until the loop has given back what it keeps
// for that, or a connection's memory.
TEST(NoMemoryTest, AFailureAnywhereInATurnDoesNotStopTheLoop) {
  static constexpr std::string_view commands = "ebchprtw";
  std::size_t failures = 0;
  for (std::size_t nth = 0;; ++nth) {
    SCOPED_TRACE(nth);
    Laggards laggards({}, commands.size() + 2);
    Doing doing{laggards};
    laggards.on_input = [&](Transport& transport, std::span<char> data) { doing(transport, data); };
    for (int i = 0; i < 3; ++i) {
      laggards.in_turn([&] { laggards.group().broadcast(std::string(60'000, 'l')); });
      laggards.read(0);
    }
    for (std::size_t i = 0; i < commands.size(); ++i) laggards.clients()[i].send(commands.substr(i, 1));
    wanted_back = 32 * 1024;
    until_failure = nth;
    const auto turns = [&] {
      for (int i = 0; i < 4; ++i) laggards.turn();
    };
    EXPECT_NO_THROW(turns());
    const bool failed = until_failure == never;
    until_failure = never;
    exhausted = false;
    wanted_back = 0;
    // Whoever is there still is served, and everybody's end is told.
    for (int i = 0; i < 20; ++i) laggards.turn();
    if (laggards.connected(0)) {
      laggards.read(0);
      laggards.clients()[0].send("e");
      std::string answer;
      for (int i = 0; i < 1000 && !answer.ends_with("echo"); ++i) {
        laggards.turn();
        answer += laggards.read(0);
      }
      EXPECT_TRUE(answer.ends_with("echo")) << answer.size();
    }
    laggards.reactor().stop(Duration::zero());
    bool goes_on = true;
    for (int i = 0; i < 100 && goes_on; ++i) goes_on = laggards.reactor().turn(Duration::zero());
    EXPECT_FALSE(goes_on);
    EXPECT_EQ(laggards.lost(), commands.size() + 2);
    if (!failed || HasFailure()) break;
    ++failures;
  }
  EXPECT_GE(failures, 30U);
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
