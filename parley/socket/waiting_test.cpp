// What select, Poll and the selectors have in common: one suite over all of them.

#include <algorithm>
#include <csignal>
#include <fcntl.h>
#include <functional>
#include <gtest/gtest.h>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <sys/time.h>
#include <thread>
#include <unistd.h>

#include "parley/socket/blocking.h"
#include "parley/socket/create.h"
#include "parley/socket/polling.h"
#include "parley/socket/select.h"
#include "parley/socket/selectors.h"

namespace parley {
namespace {

using namespace std::chrono_literals;
using Numbers = std::set<int>;
using Timeout = std::optional<Duration>;

// One of those that wait for several.
class Waiter {
 public:
  virtual ~Waiter() = default;
  virtual void add(int descriptor, Interest wanted) = 0;
  virtual void remove(int descriptor) = 0;
  // What can be read and what can be written.
  virtual std::pair<Numbers, Numbers> wait(Timeout timeout) = 0;
};

class BySelect final : public Waiter {
 public:
  void add(int descriptor, Interest wanted) override {
    if (has(wanted, Interest::read)) read_.emplace_back(descriptor);
    if (has(wanted, Interest::write)) write_.emplace_back(descriptor);
    (void)select(read_, write_, {}, 0s);  // where it refuses what was added
  }
  void remove(int descriptor) override {
    std::erase(read_, Selectable(descriptor));
    std::erase(write_, Selectable(descriptor));
  }
  std::pair<Numbers, Numbers> wait(Timeout timeout) override {
    std::pair<Numbers, Numbers> found;
    const Selected ready = select(read_, write_, {}, timeout);
    for (const Selectable& one : ready.read) found.first.insert(one.fileno());
    for (const Selectable& one : ready.write) found.second.insert(one.fileno());
    return found;
  }

 private:
  std::vector<Selectable> read_, write_;
};

class ByPoll final : public Waiter {
 public:
  void add(int descriptor, Interest wanted) override {
    PollEvent events = PollEvent::none;
    if (has(wanted, Interest::read)) events = events | PollEvent::read;
    if (has(wanted, Interest::write)) events = events | PollEvent::write;
    poll_.add(descriptor, events);
  }
  void remove(int descriptor) override { poll_.remove(descriptor); }
  std::pair<Numbers, Numbers> wait(Timeout timeout) override {
    std::pair<Numbers, Numbers> found;
    for (const auto& [what, events] : poll_.poll(timeout)) {
      if (has(events, PollEvent::read)) found.first.insert(what.fileno());
      if (has(events, PollEvent::write)) found.second.insert(what.fileno());
    }
    return found;
  }

 private:
  Poll poll_;
};

template <class Kind>
class BySelector final : public Waiter {
 public:
  void add(int descriptor, Interest wanted) override { selector_.add(descriptor, wanted); }
  void remove(int descriptor) override { selector_.remove(descriptor); }
  std::pair<Numbers, Numbers> wait(Timeout timeout) override {
    std::pair<Numbers, Numbers> found;
    for (auto [key, ready] : selector_.select(timeout)) {
      if (has(ready, Interest::read)) found.first.insert(key.fd());
      if (has(ready, Interest::write)) found.second.insert(key.fd());
    }
    return found;
  }

 private:
  Kind selector_;
};

struct Kind {
  const char* name;
  std::function<std::unique_ptr<Waiter>()> make;
  bool limited = false;         // to descriptors below FD_SETSIZE
  bool negative_polls = false;  // instead of being an error
};

void PrintTo(const Kind& kind, std::ostream* out) {
  *out << kind.name;
}

class WaitingTest : public testing::TestWithParam<Kind> {
 protected:
  Numbers readable(Timeout timeout = 0s) { return waiter_->wait(timeout).first; }
  Numbers writable(Timeout timeout = 0s) { return waiter_->wait(timeout).second; }

  std::unique_ptr<Waiter> waiter_ = GetParam().make();
};

template <class Made>
Kind kind(const char* name, bool limited, bool negative_polls) {
  return {name, [] { return std::make_unique<Made>(); }, limited, negative_polls};
}

INSTANTIATE_TEST_SUITE_P(EveryWay, WaitingTest,
                         testing::Values(kind<BySelect>("select", true, false),
                                         kind<ByPoll>("poll", false, false),
                                         kind<BySelector<SelectSelector<>>>("SelectSelector", true, true),
                                         kind<BySelector<PollSelector<>>>("PollSelector", false, true),
                                         kind<BySelector<EpollSelector<>>>("EpollSelector", false, true),
                                         kind<BySelector<DefaultSelector<>>>("DefaultSelector", false, true)),
                         [](const auto& way) { return std::string(way.param.name); });

TEST_P(WaitingTest, TellsWhatCanBeReadAndWhatCanBeWritten) {
  auto [a, b] = socketpair();
  auto [c, d] = socketpair();
  waiter_->add(a.fileno(), Interest::both);
  waiter_->add(c.fileno(), Interest::read);
  EXPECT_EQ(readable(), Numbers{});
  EXPECT_EQ(writable(), Numbers{a.fileno()});
  b.sendall("x");
  d.sendall("x");
  EXPECT_EQ(readable(), (Numbers{a.fileno(), c.fileno()}));
  waiter_->remove(a.fileno());
  EXPECT_EQ(readable(), Numbers{c.fileno()});
  EXPECT_EQ(writable(), Numbers{});
}

TEST_P(WaitingTest, TellsAgainWhatWasNotDealtWith) {
  auto [a, b] = socketpair();
  waiter_->add(a.fileno(), Interest::read);
  b.sendall("x");
  EXPECT_EQ(readable(), Numbers{a.fileno()});
  EXPECT_EQ(readable(), Numbers{a.fileno()});
  EXPECT_EQ(a.recv(1), "x");
  EXPECT_EQ(readable(), Numbers{});
}

TEST_P(WaitingTest, TheEndOfInputCanBeRead) {
  auto [a, b] = socketpair();
  waiter_->add(a.fileno(), Interest::read);
  b.close();
  EXPECT_EQ(readable(), Numbers{a.fileno()});
}

TEST_P(WaitingTest, WithoutATimeoutItWaitsForAsLongAsItTakes) {
  auto [a, b] = socketpair();
  waiter_->add(a.fileno(), Interest::read);
  std::thread other([&sender = b] { sender.sendall("x"); });
  EXPECT_EQ(readable(std::nullopt), Numbers{a.fileno()});
  other.join();
}

TEST_P(WaitingTest, ATimeoutOfZeroDoesNotBlock) {
  auto [a, b] = socketpair();
  waiter_->add(a.fileno(), Interest::read);
  const InsideReactor inside;  // where what may wait is refused
  EXPECT_EQ(readable(0s), Numbers{});
  EXPECT_THROW(readable(1ns), std::logic_error);
  EXPECT_THROW(readable(std::nullopt), std::logic_error);
}

TEST_P(WaitingTest, ANegativeTimeoutIsAnErrorOrPolls) {
  auto [a, b] = socketpair();
  waiter_->add(a.fileno(), Interest::read);
  const InsideReactor inside;
  if (!GetParam().negative_polls) {
    EXPECT_THROW(readable(-1ns), std::invalid_argument);
    return;
  }
  EXPECT_EQ(readable(-1h), Numbers{});
  b.setblocking(false);
  b.sendall("x");
  EXPECT_EQ(readable(-1ns), Numbers{a.fileno()});
}

// A timer that interrupts every two milliseconds.
class Interruptions {
 public:
  Interruptions() {
    struct sigaction action{};
    action.sa_handler = [](int) {};
    EXPECT_EQ(sigaction(SIGALRM, &action, &before_), 0);
    every({0, 2000});
  }
  ~Interruptions() {
    every({0, 0});
    sigaction(SIGALRM, &before_, nullptr);
  }

 private:
  static void every(timeval time) {
    const itimerval timer{time, time};
    EXPECT_EQ(setitimer(ITIMER_REAL, &timer, nullptr), 0);
  }
  struct sigaction before_{};
};

TEST_P(WaitingTest, SignalsNeitherEndNorLengthenIt) {
  auto [a, b] = socketpair();
  waiter_->add(a.fileno(), Interest::read);
  const Interruptions interruptions;
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(readable(30ms), Numbers{});
  const auto took = std::chrono::steady_clock::now() - start;
  EXPECT_GE(took, 30ms);
  EXPECT_LT(took, 5s);
}

TEST_P(WaitingTest, RefusesADescriptorThatIsNotOpen) {
  auto [a, b] = socketpair();
  const int number = b.fileno();
  b.close();
  EXPECT_THROW(waiter_->add(number, Interest::read), SocketError);
  EXPECT_THROW(waiter_->add(-1, Interest::read), SocketError);
}

TEST_P(WaitingTest, RemovingWorksAfterTheDescriptorWasClosed) {
  auto [a, b] = socketpair();
  auto [c, d] = socketpair();
  const int number = a.fileno();
  waiter_->add(number, Interest::read);
  waiter_->add(c.fileno(), Interest::read);
  a.close();
  waiter_->remove(number);
  d.sendall("x");
  EXPECT_EQ(readable(), Numbers{c.fileno()});

  b.close();
  auto [e, f] = socketpair();  // the lowest free number is the same again
  ASSERT_TRUE(e.fileno() == number || f.fileno() == number);
  waiter_->add(number, Interest::write);
  EXPECT_EQ(writable(), Numbers{number});
}

TEST_P(WaitingTest, OnlySelectRefusesLargeDescriptors) {
  raise_descriptor_limit();
  auto [a, b] = socketpair();
  b.sendall("x");
  const Descriptor large(fcntl(a.fileno(), F_DUPFD_CLOEXEC, 1024));
  ASSERT_GE(large.get(), 1024);
  if (GetParam().limited) {
    EXPECT_THROW(waiter_->add(large.get(), Interest::read), SocketError);
  } else {
    waiter_->add(large.get(), Interest::read);
    EXPECT_EQ(readable(), Numbers{large.get()});
  }
}

}  // namespace
}  // namespace parley
