#include "parley/socket/poller.h"

#include <algorithm>
#include <csignal>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <map>
#include <set>
#include <string>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include "parley/socket/error.h"

namespace parley {
namespace {

using namespace std::chrono_literals;

struct Pair {
  Pair() {
    int both[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, both), 0);
    near = Descriptor(both[0]);
    far = Descriptor(both[1]);
  }
  void make_readable() const { EXPECT_EQ(::write(far.get(), "x", 1), 1); }
  void make_unwritable() const {
    const std::string much(100'000, 'x');
    while (::write(near.get(), much.data(), much.size()) > 0) {
    }
  }
  Descriptor near, far;
};

struct Pipe {
  Pipe() {
    int both[2];
    EXPECT_EQ(pipe2(both, O_NONBLOCK), 0);
    out = Descriptor(both[0]);
    in = Descriptor(both[1]);
  }
  Descriptor out, in;
};

class PollerTest : public testing::TestWithParam<PollerKind> {
 protected:
  void update(int descriptor, Interest wanted, std::uint64_t key) {
    poller_->update(descriptor, wanted, key);
    wanted_[key] = wanted;
  }

  // What is ready now of what is wanted, as "KEY:WHAT" with 1 for read, 2 for write, 3 for both; sorted.
  std::string ready(std::optional<Duration> timeout = 0s) {
    std::vector<std::string> told;
    for (const auto& [key, what] : poller_->wait(timeout)) {
      told.push_back(std::to_string(key) + ":" + std::to_string(static_cast<int>(what & wanted_[key])));
    }
    std::sort(told.begin(), told.end());
    std::string all;
    for (const std::string& one : told) all += (all.empty() ? "" : " ") + one;
    return all;
  }

  std::unique_ptr<Poller> poller_ = make_poller(GetParam());
  std::map<std::uint64_t, Interest> wanted_;  // by key: an error may come as more
};

std::string name_of(const testing::TestParamInfo<PollerKind>& kind) {
  switch (kind.param) {
    case PollerKind::select:
      return "select";
    case PollerKind::poll:
      return "poll";
    case PollerKind::epoll:
      return "epoll";
  }
  return "";
}

INSTANTIATE_TEST_SUITE_P(EveryKind, PollerTest,
                         testing::Values(PollerKind::select, PollerKind::poll, PollerKind::epoll), name_of);

// What select cannot do at all, because it takes no more than FD_SETSIZE descriptors.
class LargePollerTest : public PollerTest {};
INSTANTIATE_TEST_SUITE_P(PollAndEpoll, LargePollerTest, testing::Values(PollerKind::poll, PollerKind::epoll),
                         name_of);

TEST_P(PollerTest, TellsWhatIsReadyWithItsKey) {
  const Pair a, b;
  update(a.near.get(), Interest::read, 5);
  update(b.near.get(), Interest::both, 0xffff'ffff'ffff'fff0);
  EXPECT_EQ(ready(), "18446744073709551600:2");
  a.make_readable();
  EXPECT_EQ(ready(), "18446744073709551600:2 5:1");
  b.make_readable();
  EXPECT_EQ(ready(), "18446744073709551600:3 5:1");
}

TEST_P(PollerTest, TellsAgainWhatWasNotDealtWith) {
  const Pair pair;
  update(pair.near.get(), Interest::read, 1);
  pair.make_readable();
  EXPECT_EQ(ready(), "1:1");
  EXPECT_EQ(ready(), "1:1");
  char byte;
  EXPECT_EQ(::read(pair.near.get(), &byte, 1), 1);
  EXPECT_EQ(ready(), "");
}

TEST_P(PollerTest, AnUpdateReplacesInterestAndKey) {
  const Pair pair;
  pair.make_readable();
  update(pair.near.get(), Interest::read, 1);
  update(pair.near.get(), Interest::write, 2);
  EXPECT_EQ(ready(), "2:2");
  update(pair.near.get(), Interest::both, 3);
  EXPECT_EQ(ready(), "3:3");
  update(pair.near.get(), Interest::read, 3);
  EXPECT_EQ(ready(), "3:1");
}

TEST_P(PollerTest, IsNotReadyToWriteWhileTheBufferIsFull) {
  const Pair pair;
  pair.make_unwritable();
  update(pair.near.get(), Interest::write, 1);
  EXPECT_EQ(ready(), "");
}

TEST_P(PollerTest, WithNothingWantedNotEvenAResetIsTold) {
  Pair pair;
  update(pair.near.get(), Interest::read, 1);
  update(pair.near.get(), Interest::none, 1);
  pair.make_readable();
  pair.far.reset();
  const auto before = std::chrono::steady_clock::now();
  EXPECT_EQ(ready(20ms), "");
  EXPECT_GE(std::chrono::steady_clock::now() - before, 20ms);  // an epoll that still has it returns at once
  update(pair.near.get(), Interest::read, 2);
  EXPECT_EQ(ready(), "2:1");
}

TEST_P(PollerTest, AHangUpComesAsWhateverIsWanted) {
  Pair pair;
  pair.make_unwritable();
  pair.far.reset();
  update(pair.near.get(), Interest::read, 1);
  EXPECT_EQ(ready(), "1:1");
  update(pair.near.get(), Interest::write, 1);
  EXPECT_EQ(ready(), "1:2");
  update(pair.near.get(), Interest::both, 1);
  EXPECT_EQ(ready(), "1:3");
}

TEST_P(PollerTest, APipeWithoutItsOtherEndIsReadyForWhatIsWanted) {
  Pipe full, empty;
  const std::string much(100'000, 'x');
  while (::write(full.in.get(), much.data(), much.size()) > 0) {
  }
  full.out.reset();  // an error at the writing end, and no room
  empty.in.reset();  // a hang-up at the reading end, and no data
  update(full.in.get(), Interest::write, 1);
  update(empty.out.get(), Interest::read, 2);
  EXPECT_EQ(ready(), "1:2 2:1");
}

TEST_P(PollerTest, ForgetsWhatIsRemoved) {
  const Pair a, b, c;
  for (const Pair* pair : {&a, &b, &c}) pair->make_readable();
  update(a.near.get(), Interest::read, 1);
  update(b.near.get(), Interest::read, 2);
  update(c.near.get(), Interest::read, 3);
  poller_->remove(a.near.get());
  EXPECT_EQ(ready(), "2:1 3:1");
  poller_->remove(c.near.get());
  EXPECT_EQ(ready(), "2:1");
  update(a.near.get(), Interest::read, 4);
  EXPECT_EQ(ready(), "2:1 4:1");
}

TEST_P(PollerTest, RemovingWhatIsNotThereIsNoError) {
  const Pair pair;
  poller_->remove(-1);
  poller_->remove(pair.near.get());
  poller_->remove(1'000'000);
  update(pair.near.get(), Interest::none, 1);
  EXPECT_EQ(ready(), "");
}

TEST_P(PollerTest, RemovingWorksAfterTheDescriptorWasClosed) {
  Pair closed;
  const int number = closed.near.get();
  update(number, Interest::read, 1);
  closed.near.reset();
  poller_->remove(number);
  EXPECT_EQ(ready(), "");

  const Pair open;
  ASSERT_EQ(dup2(open.near.get(), number), number);  // the same number again
  const Descriptor again(number);
  open.make_readable();
  update(number, Interest::read, 2);
  EXPECT_EQ(ready(), "2:1");
}

TEST_P(PollerTest, ADescriptorThatWasReplacedBehindItsBackCanBeUpdated) {
  const Pair first, second;
  second.make_readable();
  update(first.near.get(), Interest::read, 1);
  ASSERT_EQ(dup2(second.near.get(), first.near.get()), first.near.get());
  update(first.near.get(), Interest::read, 2);
  EXPECT_EQ(ready(), "2:1");
}

TEST_P(PollerTest, ADescriptorClosedWhileWatchedDoesNotHideTheOthers) {
  Pair closed;
  const Pair open;
  open.make_readable();
  const int number = closed.near.get();
  update(number, Interest::read, 1);
  update(open.near.get(), Interest::read, 2);
  closed.near.reset();
  EXPECT_EQ(ready(), "2:1");
  EXPECT_EQ(ready(), "2:1");
  poller_->remove(number);
  EXPECT_EQ(ready(), "2:1");
}

TEST_P(PollerTest, ADescriptorClosedWhileWatchedIsNotTold) {
  Pair socket;
  Descriptor null(open("/dev/null", O_RDWR | O_CLOEXEC));
  update(socket.near.get(), Interest::both, 1);
  update(null.get(), Interest::both, 2);
  EXPECT_EQ(ready(std::nullopt), "1:2 2:3");
  const int number = socket.near.get();
  socket.near.reset();
  null.reset();
  const auto before = std::chrono::steady_clock::now();
  EXPECT_EQ(ready(20ms), "");
  EXPECT_GE(std::chrono::steady_clock::now() - before, 20ms);
  EXPECT_THROW(update(number, Interest::read, 3), SocketError);
  EXPECT_EQ(ready(), "");
}

TEST_P(PollerTest, AnUpdateThatIsRefusedChangesNothing) {
  const Pair pair;
  pair.make_readable();
  update(pair.near.get(), Interest::read, 1);
  EXPECT_THROW(poller_->update(500'000'000, Interest::read, 2), SocketError);
  EXPECT_EQ(ready(), "1:1");
}

TEST_P(PollerTest, RefusesADescriptorThatIsNotOpen) {
  Pair pair;
  const int number = pair.near.get();
  pair.near.reset();
  EXPECT_THROW(update(number, Interest::read, 1), SocketError);
  EXPECT_THROW(update(-1, Interest::read, 1), SocketError);
  EXPECT_EQ(ready(), "");
}

TEST_P(PollerTest, FilesAreAlwaysReady) {
  const Descriptor null(open("/dev/null", O_RDWR | O_CLOEXEC));
  update(null.get(), Interest::read, 1);
  EXPECT_EQ(ready(std::nullopt), "1:1");
  EXPECT_EQ(ready(std::nullopt), "1:1");
  update(null.get(), Interest::both, 2);
  EXPECT_EQ(ready(10s), "2:3");
  poller_->remove(null.get());
  EXPECT_EQ(ready(), "");
}

TEST_P(PollerTest, NeverWakesEarly) {
  const Pair pair;
  update(pair.near.get(), Interest::read, 1);
  for (const Duration timeout : {Duration(1ns), Duration(100us), Duration(1500us), Duration(7'000'001ns)}) {
    for (int i = 0; i < 5; ++i) {
      const auto before = std::chrono::steady_clock::now();
      EXPECT_EQ(ready(timeout), "");
      EXPECT_GE(std::chrono::steady_clock::now() - before, timeout);
    }
  }
}

TEST_P(PollerTest, WithZeroOrLessItDoesNotWait) {
  const Pair pair;
  update(pair.near.get(), Interest::read, 1);
  EXPECT_EQ(ready(0s), "");
  EXPECT_EQ(ready(-1s), "");
  EXPECT_EQ(ready(Duration::min()), "");
  pair.make_readable();
  EXPECT_EQ(ready(Duration::max()), "1:1");
}

TEST_P(PollerTest, ASignalEndsTheWaitWithNothing) {
  struct sigaction action{};
  action.sa_handler = [](int) {};
  struct sigaction before{};
  ASSERT_EQ(sigaction(SIGALRM, &action, &before), 0);
  const itimerval often{{0, 2000}, {0, 2000}};  // again and again: the first may come before the wait
  ASSERT_EQ(setitimer(ITIMER_REAL, &often, nullptr), 0);
  const Pair pair;
  update(pair.near.get(), Interest::read, 1);
  EXPECT_EQ(ready(std::nullopt), "");
  const itimerval never{};
  setitimer(ITIMER_REAL, &never, nullptr);
  sigaction(SIGALRM, &before, nullptr);
}

TEST_P(PollerTest, AWakeupFromAnotherThreadEndsTheWait) {
  const Wakeup wakeup;
  update(wakeup.descriptor(), Interest::read, 7);
  EXPECT_EQ(ready(), "");
  std::thread other([&] {
    wakeup.signal();
    wakeup.signal();
  });
  EXPECT_EQ(ready(std::nullopt), "7:1");
  other.join();
  wakeup.clear();
  EXPECT_EQ(ready(), "");
  wakeup.clear();  // when there is nothing to clear, it does not block
  wakeup.signal();
  EXPECT_EQ(ready(), "7:1");
}

TEST_P(PollerTest, ManyAreToldOnceEachWithTheirOwnKey) {
  std::vector<Descriptor> all;
  for (std::uint64_t key = 0; key < 500; ++key) {
    all.emplace_back(eventfd(key % 2 == 0 ? 1 : 0, EFD_CLOEXEC));
    update(all.back().get(), Interest::read, key);
  }
  for (std::uint64_t key = 0; key < 500; key += 5) poller_->remove(all[key].get());
  std::multiset<std::uint64_t> told;
  for (const Ready& ready : poller_->wait(0s)) told.insert(ready.key);
  std::multiset<std::uint64_t> expected;
  for (std::uint64_t key = 0; key < 500; key += 2) {
    if (key % 5 != 0) expected.insert(key);
  }
  EXPECT_EQ(told, expected);
}

TEST_P(LargePollerTest, WhenMoreAreReadyThanOneWaitTellsNoneIsPassedOver) {
  const std::size_t many = Poller::most_ready + 300;
  raise_descriptor_limit();
  std::vector<Descriptor> all;
  for (std::uint64_t key = 0; key < many; ++key) {
    all.emplace_back(eventfd(1, EFD_CLOEXEC));
    update(all.back().get(), Interest::read, key);
  }
  std::set<std::uint64_t> told;
  for (int i = 0; i < 2; ++i) {
    const auto ready = poller_->wait(0s);
    EXPECT_EQ(ready.size(), Poller::most_ready);
    for (const Ready& one : ready) told.insert(one.key);
  }
  EXPECT_EQ(told.size(), many);
}

TEST_P(PollerTest, OnlySelectRefusesLargeDescriptors) {
  raise_descriptor_limit();
  const Pair pair;
  pair.make_readable();
  const Descriptor large(fcntl(pair.near.get(), F_DUPFD_CLOEXEC, 1500));
  ASSERT_GE(large.get(), 1500);
  if (GetParam() == PollerKind::select) {
    try {
      update(large.get(), Interest::read, 1);
      FAIL() << "it was taken";
    } catch (const SocketError& error) {
      EXPECT_EQ(std::string(error.what()),
                "watch descriptor " + std::to_string(large.get()) +
                    ": Invalid argument (select takes descriptors below 1024: use poll or epoll)");
    }
    poller_->remove(large.get());
  } else {
    update(large.get(), Interest::read, 1);
    EXPECT_EQ(ready(), "1:1");
  }
}

}  // namespace
}  // namespace parley
