#include "parley/socket/selectors.h"

#include <ctime>
#include <fcntl.h>
#include <functional>
#include <gtest/gtest.h>
#include <memory>
#include <stdexcept>
#include <string>
#include <unistd.h>

#include "parley/process/fork_fixture.h"
#include "parley/socket/create.h"
#include "parley/socket/poller.h"

namespace parley {
namespace {

using namespace std::chrono_literals;

class SelectorTest : public testing::TestWithParam<PollerKind> {
 protected:
  // What is ready, as "DATA:WHAT ", in any order.
  std::string ready() {
    std::string all;
    for (auto [key, what] : selector_.select(0s)) all += key.data + ":" + concat(what) + " ";
    return all;
  }

  Selector<std::string> selector_{GetParam()};
};

std::string name_of(const testing::TestParamInfo<PollerKind>& kind) {
  const char* const names[] = {"select", "poll", "epoll"};
  return names[static_cast<std::size_t>(kind.param)];
}

INSTANTIATE_TEST_SUITE_P(EveryKind, SelectorTest,
                         testing::Values(PollerKind::select, PollerKind::poll, PollerKind::epoll), name_of);

TEST_P(SelectorTest, GivesBackTheDataOfWhatIsReady) {
  auto [a, b] = socketpair();
  auto [c, d] = socketpair();
  selector_.add(a, Interest::read, "a");
  selector_.add(c, Interest::both, "c");
  EXPECT_EQ(ready(), "c:write ");
  b.sendall("x");
  d.sendall("x");
  const std::string both = ready();
  EXPECT_TRUE(both == "a:read c:read|write " || both == "c:read|write a:read ") << both;
  EXPECT_TRUE(selector_.select(0s).begin() != selector_.select(0s).end());
}

TEST_P(SelectorTest, AKeyKnowsWhatItIsOf) {
  auto [a, b] = socketpair();
  const auto& key = selector_.add(a, Interest::both, "a");
  EXPECT_EQ(key.fileobj(), a);
  EXPECT_EQ(key.fd(), a.fileno());
  EXPECT_EQ(key.events(), Interest::both);
  EXPECT_EQ(key.data, "a");
  EXPECT_EQ(&selector_.get_key(a), &key);
  EXPECT_EQ(&selector_.get_map().at(a.fileno()), &key);
  EXPECT_EQ(selector_.get_map().size(), 1U);
}

TEST_P(SelectorTest, TheChildOfAForkHasItsOwn) {
  auto [a, b] = socketpair();
  auto [c, d] = socketpair();
  selector_.add(a, Interest::read, "a");
  selector_.add(c, Interest::read, "c");
  Fork fork;
  if (fork.in_child()) {
    selector_.remove(a);
    fork.say("removed");
    fork.hear();
    fork.say(ready());
    Fork::leave();
  }
  EXPECT_EQ(fork.hear(), "removed");
  selector_.remove(c);
  b.sendall("x");
  d.sendall("x");
  fork.say("go on");
  EXPECT_EQ(fork.hear(), "c:read ");
  EXPECT_EQ(ready(), "a:read ");
  EXPECT_TRUE(fork.has_left());
}

TEST_P(SelectorTest, DataMayBeChangedWhileGoingThroughIt) {
  auto [a, b] = socketpair();
  selector_.add(a, Interest::write, "a");
  for (auto [key, what] : selector_.select(5s)) key.data += "bc";
  EXPECT_EQ(selector_.get_key(a).data, "abc");
}

TEST_P(SelectorTest, AddingTwiceIsAnError) {
  auto [a, b] = socketpair();
  selector_.add(a, Interest::write, "first");
  EXPECT_THROW(selector_.add(a, Interest::read, "second"), std::invalid_argument);
  EXPECT_THROW(selector_.add(a.fileno(), Interest::write), std::invalid_argument);
  EXPECT_EQ(ready(), "first:write ");
}

TEST_P(SelectorTest, NothingWantedIsAnError) {
  auto [a, b] = socketpair();
  EXPECT_THROW(selector_.add(a, Interest::none), std::invalid_argument);
  selector_.add(a, Interest::write, "a");
  EXPECT_THROW(selector_.modify(a, Interest::none), std::invalid_argument);
  EXPECT_EQ(ready(), "a:write ");
}

TEST_P(SelectorTest, ModifyChangesWhatIsWantedAndKeepsTheDataUnlessOtherIsGiven) {
  auto [a, b] = socketpair();
  b.sendall("x");
  selector_.add(a, Interest::write, "a");
  selector_.modify(a, Interest::read);
  EXPECT_EQ(ready(), "a:read ");
  selector_.modify(a, Interest::both, "new");
  EXPECT_EQ(ready(), "new:read|write ");
  EXPECT_EQ(selector_.get_key(a).events(), Interest::both);
}

TEST_P(SelectorTest, WhatIsNotThereIsAnError) {
  auto [a, b] = socketpair();
  EXPECT_THROW(selector_.get_key(a), std::out_of_range);
  EXPECT_THROW(selector_.modify(a, Interest::read), std::out_of_range);
  EXPECT_THROW(selector_.remove(a), std::out_of_range);
  selector_.add(a, Interest::read, "a");
  EXPECT_EQ(selector_.remove(a).data, "a");
  EXPECT_THROW(selector_.remove(a), std::out_of_range);
  EXPECT_TRUE(selector_.get_map().empty());
}

TEST_P(SelectorTest, AClosedSocketIsRemovedByTheNumberThatItHad) {
  auto [a, b] = socketpair();
  const int number = a.fileno();
  selector_.add(a, Interest::read, "a");
  a.close();
  try {
    selector_.remove(a);
    FAIL() << "it was found";
  } catch (const std::out_of_range& error) {
    EXPECT_STREQ(error.what(),
                 "Selector: descriptor -1 is not watched (a closed socket has none: remove it before)");
  }
  EXPECT_EQ(selector_.remove(number).data, "a");
}

TEST_P(SelectorTest, WhatWasRemovedWhileGoingThroughItIsNotTold) {
  std::vector<std::pair<Socket, Socket>> pairs;
  for (int i = 0; i < 4; ++i) {
    pairs.push_back(socketpair());
    selector_.add(pairs.back().first, Interest::write, "old");
  }
  int told = 0;
  for (auto [key, what] : selector_.select(0s)) {
    ++told;
    const int self = key.fd();
    for (auto& [near, far] : pairs) {
      if (near.fileno() != self) selector_.remove(near);
    }
  }
  EXPECT_EQ(told, 1);
  EXPECT_EQ(selector_.get_map().size(), 1U);
}

TEST_P(SelectorTest, WhatWasAddedUnderTheSameNumberMeanwhileIsNotTold) {
  auto [a, b] = socketpair();
  auto [c, d] = socketpair();
  selector_.add(a, Interest::write, "old");
  selector_.add(c, Interest::write, "old");
  int told = 0;
  for (auto [key, what] : selector_.select(0s)) {
    ++told;
    Socket& other = key.fd() == a.fileno() ? c : a;
    const int number = other.fileno();
    selector_.remove(number);
    selector_.add(number, Interest::write, "new");
  }
  EXPECT_EQ(told, 1);
}

TEST_P(SelectorTest, ForgetsWhatWasClosedAlthoughADuplicateIsOpen) {
  auto [a, b] = socketpair();
  auto [c, d] = socketpair();
  b.sendall("x");
  const int number = a.fileno();
  selector_.add(a, Interest::read, "closed");
  selector_.add(c, Interest::read, "c");
  const Socket as_in_a_child = a.dup();
  a.close();
  selector_.remove(number);
  const std::clock_t before = std::clock();
  EXPECT_TRUE(selector_.select(100ms).empty());
  EXPECT_LT(std::clock() - before, CLOCKS_PER_SEC / 50) << "it is told again and again";
  d.sendall("x");
  EXPECT_EQ(ready(), "c:read ");
}

TEST_P(SelectorTest, OwnsDataThatCannotBeCopied) {
  auto [a, b] = socketpair();
  auto [c, d] = socketpair();
  const int number = a.fileno();
  Selector<std::unique_ptr<Socket>> selector(GetParam());
  selector.add(number, Interest::read, std::make_unique<Socket>(std::move(a)));
  b.sendall("hello");
  for (auto [key, what] : selector.select(5s)) EXPECT_EQ(key.data->recv(10), "hello");
  selector.remove(number);
  EXPECT_EQ(b.recv(1), "");  // it was closed with its key
}

TEST_P(SelectorTest, WhatWasClosedBeforeItWasRemovedIsToldNoMore) {
  auto [a, b] = socketpair();
  auto [c, d] = socketpair();
  auto [e, f] = socketpair();
  const Descriptor copy(fcntl(e.fileno(), F_DUPFD_CLOEXEC, 0));  // epoll goes on telling of it
  const int first = a.fileno(), second = e.fileno();
  selector_.add(a, Interest::both, "a");
  selector_.add(c, Interest::read, "c");
  selector_.add(e, Interest::both, "e");
  for (Socket* sender : {&b, &d, &f}) sender->sendall("x");
  a.close();
  e.close();
  EXPECT_EQ(ready(), "c:read ");
  EXPECT_EQ(ready(), "c:read ");
  EXPECT_EQ(c.recv(1), "x");
  const auto before = std::chrono::steady_clock::now();
  EXPECT_TRUE(selector_.select(20ms).empty());
  EXPECT_GE(std::chrono::steady_clock::now() - before, 20ms);
  EXPECT_THROW(selector_.modify(first, Interest::read), SocketError);
  EXPECT_EQ(selector_.get_key(first).events(), Interest::both);
  EXPECT_EQ(selector_.remove(first).data, "a");
  EXPECT_EQ(selector_.remove(second).data, "e");
}

TEST_P(SelectorTest, AClosedNumberThatIsOpenAgainIsWatchedOnceItIsSaidSo) {
  auto [a, b] = socketpair();
  auto [c, d] = socketpair();
  const int number = a.fileno();
  selector_.add(a, Interest::read, "a");
  a.close();
  EXPECT_EQ(ready(), "");
  const Descriptor again(fcntl(c.fileno(), F_DUPFD_CLOEXEC, number));
  ASSERT_EQ(again.get(), number);
  d.sendall("x");
  selector_.modify(number, Interest::read);
  EXPECT_EQ(ready(), "a:read ");
}

TEST_P(SelectorTest, CallsWhatTheDataIs) {
  auto [a, b] = socketpair();
  Selector<std::function<void(Interest)>> selector(GetParam());
  Interest told = Interest::none;
  selector.add(a, Interest::write, [&](Interest ready) { told = ready; });
  for (auto [key, ready] : selector.select(5s)) key.data(ready);
  EXPECT_EQ(told, Interest::write);
}

TEST_P(SelectorTest, ClosedItThrows) {
  auto [a, b] = socketpair();
  selector_.add(a, Interest::read, "a");
  selector_.close();
  selector_.close();
  EXPECT_TRUE(selector_.get_map().empty());
  EXPECT_THROW(selector_.add(a, Interest::read), std::logic_error);
  EXPECT_THROW(selector_.modify(a, Interest::read), std::logic_error);
  EXPECT_THROW(selector_.remove(a), std::logic_error);
  EXPECT_THROW(selector_.get_key(a), std::logic_error);
  EXPECT_THROW(selector_.select(0s), std::logic_error);
}

TEST_P(SelectorTest, WhenMoreAreReadyThanOneAnswerTellsNoneIsPassedOver) {
  if (GetParam() == PollerKind::select) return;  // it never has as many
  raise_descriptor_limit();
  auto [a, b] = socketpair();
  Selector<int> selector(GetParam());
  std::vector<Descriptor> all;
  for (std::size_t i = 0; i < Poller::most_ready + 100; ++i) {
    all.emplace_back(fcntl(a.fileno(), F_DUPFD_CLOEXEC, 0));
    selector.add(all.back().get(), Interest::write, 0);
  }
  for (int i = 0; i < 2; ++i) {
    for (auto [key, ready] : selector.select(5s)) ++key.data;
  }
  for (const auto& [descriptor, key] : selector.get_map()) EXPECT_GE(key.data, 1);
}

TEST(Selectors, NeedNoDataAndNoArguments) {
  auto [a, b] = socketpair();
  DefaultSelector selector;
  selector.add(a, Interest::write);
  EXPECT_FALSE(selector.select(5s).empty());
  EXPECT_TRUE((std::is_base_of_v<EpollSelector<int>, DefaultSelector<int>>));
}

TEST(Interest, Prints) {
  EXPECT_EQ(concat(Interest::none, ' ', Interest::read, ' ', Interest::write, ' ', Interest::both),
            "none read write read|write");
}

}  // namespace
}  // namespace parley
