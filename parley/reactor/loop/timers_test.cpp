#include "parley/reactor/loop/timers.h"

#include <algorithm>
#include <chrono>
#include <gtest/gtest.h>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace parley {
namespace {

using namespace std::chrono_literals;

constexpr Time start{std::chrono::hours(1)};

Time at(int tick) {
  return start + std::chrono::milliseconds(tick);
}

void run_due(Timers& timers, Time now) {
  while (const auto call = timers.take_due(now)) call();
}

TEST(Timers, NothingIsDueWhenNothingIsPending) {
  Timers timers;
  EXPECT_FALSE(timers.take_due(at(0)));
  EXPECT_EQ(timers.next(), std::nullopt);
  EXPECT_EQ(timers.size(), 0U);
}

TEST(Timers, ACallIsDueAtItsTimeAndNotBefore) {
  Timers timers;
  const Timers::Id id = timers.add(at(10), [] {});
  EXPECT_EQ(timers.next(), at(10));
  EXPECT_EQ(timers.due(id), at(10));
  EXPECT_FALSE(timers.take_due(at(10) - 1ns));
  EXPECT_TRUE(timers.active(id));
  EXPECT_TRUE(timers.take_due(at(10)));
  EXPECT_FALSE(timers.active(id));
  EXPECT_EQ(timers.due(id), std::nullopt);
  EXPECT_FALSE(timers.take_due(at(10)));
}

TEST(Timers, CallsComeByTimeThenAsAdded) {
  Timers timers;
  std::string order;
  for (const auto& [tick, name] : {std::pair{3, 'f'}, {1, 'a'}, {2, 'c'}, {1, 'b'}, {2, 'd'}, {2, 'e'}}) {
    timers.add(at(tick), [&order, c = name] { order += c; });
  }
  run_due(timers, at(3));
  EXPECT_EQ(order, "abcdef");
}

TEST(Timers, AMovedCallCountsAsAddedAtTheMove) {
  Timers timers;
  std::string order;
  const Timers::Id early = timers.add(at(1), [&] { order += 'a'; });
  const Timers::Id late = timers.add(at(9), [&] { order += 'b'; });
  timers.add(at(5), [&] { order += 'c'; });
  const Timers::Id stays = timers.add(at(5), [&] { order += 'd'; });
  EXPECT_TRUE(timers.move(late, at(5)));
  EXPECT_TRUE(timers.move(early, at(5)));
  EXPECT_TRUE(timers.active(stays));
  EXPECT_EQ(timers.next(), at(5));
  run_due(timers, at(5));
  EXPECT_EQ(order, "cdba");
}

TEST(Timers, AnIdNamesOneCallAndNoLaterOne) {
  Timers timers;
  const Timers::Id first = timers.add(at(1), [] {});
  EXPECT_TRUE(timers.cancel(first));
  const Timers::Id second = timers.add(at(1), [] {});
  EXPECT_EQ(second.index, first.index);  // or the test shows nothing
  EXPECT_FALSE(timers.active(first));
  EXPECT_FALSE(timers.cancel(first));
  EXPECT_FALSE(timers.move(first, at(2)));
  EXPECT_TRUE(timers.active(second));
  EXPECT_FALSE(timers.active(Timers::Id{}));
  EXPECT_FALSE(timers.cancel(Timers::Id{}));
}

TEST(Timers, CancellingFreesTheCallAtOnce) {
  Timers timers;
  auto held = std::make_shared<int>(1);
  const std::weak_ptr<int> seen = held;
  const Timers::Id id = timers.add(at(1), [held = std::move(held)] {});
  EXPECT_FALSE(seen.expired());
  timers.cancel(id);
  EXPECT_TRUE(seen.expired());
  EXPECT_FALSE(timers.take_due(at(1)));
}

TEST(Timers, WhatIsAddedOrMovedWhileDueOnesRunWaits) {
  Timers timers;
  std::string order;
  Timers::Id moved{};
  timers.add(at(1), [&] {
    order += 'a';
    timers.add(at(1), [&] { order += 'x'; });
    timers.move(moved, at(1));
  });
  moved = timers.add(at(2), [&] { order += 'm'; });
  timers.add(at(3), [&] { order += 'b'; });
  const auto round = [&] {
    const std::uint64_t before = timers.added();
    while (const auto call = timers.take_due(at(3), before)) call();
  };
  round();
  EXPECT_EQ(order, "a");  // what was added since is first now: nothing overtakes it
  round();
  EXPECT_EQ(order, "axmb");
}

// A call whose capture, when it is destroyed, does something to the timers it was in.
class OnEnd {
 public:
  explicit OnEnd(std::function<void()> act) : act_(std::make_shared<Act>(std::move(act))) {}
  void operator()() const {}

 private:
  struct Act {
    explicit Act(std::function<void()> a) : act(std::move(a)) {}
    Act(const Act&) = delete;
    ~Act() { act(); }
    std::function<void()> act;
  };
  std::shared_ptr<Act> act_;
};

TEST(Timers, ACallThatIsDestroyedMayUseTheTimers) {
  Timers timers;
  Timers::Id self{};
  Timers::Id other = timers.add(at(5), [] {});
  bool self_was_active = true;
  self = timers.add(at(4), OnEnd([&] {
                      self_was_active = timers.active(self);
                      timers.cancel(other);
                      for (int i = 0; i < 100; ++i) other = timers.add(at(i), [] {});  // moves everything
                    }));
  EXPECT_TRUE(timers.cancel(self));
  EXPECT_FALSE(self_was_active);
  EXPECT_EQ(timers.size(), 100U);
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(timers.next(), at(i));
    EXPECT_TRUE(timers.take_due(at(i)));
  }
}

TEST(Timers, PendingCallsMayUseTheTimersWhenThoseGo) {
  int ended = 0;
  std::vector<Timers::Id> ids(50);
  {
    Timers timers;
    for (std::size_t i = 0; i < ids.size(); ++i) {
      ids[i] = timers.add(at(static_cast<int>(i)), OnEnd([&, i] {
                            ++ended;
                            timers.cancel(ids[(i * 7 + 3) % ids.size()]);
                          }));
    }
  }
  EXPECT_EQ(ended, 50);
}

TEST(Timers, AMillionPendingAreCheap) {
  constexpr int count = 1'000'000;
  std::mt19937 random(20240607);
  std::uniform_int_distribution<int> tick(0, 1000);  // a thousand at each time
  Timers timers;
  std::vector<Timers::Id> ids;
  std::vector<int> when;
  int fired = -1;
  for (int i = 0; i < count; ++i) {
    when.push_back(tick(random));
    ids.push_back(timers.add(at(when.back()), [&fired, i] { fired = i; }));
  }
  ASSERT_EQ(timers.size(), static_cast<std::size_t>(count));

  std::vector<int> expected(count);
  for (int i = 0; i < count; ++i) expected[static_cast<std::size_t>(i)] = i;
  std::shuffle(expected.begin(), expected.end(), random);
  for (int i = 0; i < count / 2; ++i) {
    ASSERT_TRUE(timers.cancel(ids[static_cast<std::size_t>(expected.back())]));
    expected.pop_back();
  }
  std::sort(expected.begin(), expected.end(), [&](int a, int b) {
    const auto key = [&](int i) { return std::tuple(when[static_cast<std::size_t>(i)], i); };
    return key(a) < key(b);
  });

  ASSERT_EQ(timers.size(), expected.size());
  for (const int i : expected) {
    ASSERT_EQ(timers.next(), at(when[static_cast<std::size_t>(i)]));
    timers.take_due(at(1000))();
    ASSERT_EQ(fired, i);
  }
  EXPECT_EQ(timers.size(), 0U);
}

// The same by hand: pending calls in a sorted map.
class Model {
 public:
  using Key = std::tuple<Time, std::uint64_t>;  // time, order

  void add(int name, Time when) { place_[name] = pending_.emplace(Key{when, order_++}, name).first->first; }
  bool cancel(int name) {
    const auto found = place_.find(name);
    if (found == place_.end()) return false;
    pending_.erase(found->second);
    place_.erase(found);
    return true;
  }
  bool move(int name, Time when) {
    if (!cancel(name)) return false;
    add(name, when);
    return true;
  }
  int take_due(Time now) {
    if (pending_.empty() || std::get<Time>(pending_.begin()->first) > now) return -1;
    const int name = pending_.begin()->second;
    cancel(name);
    return name;
  }
  std::optional<Time> due(int name) const {
    const auto found = place_.find(name);
    if (found == place_.end()) return std::nullopt;
    return std::get<Time>(found->second);
  }
  std::size_t size() const { return pending_.size(); }

 private:
  std::map<Key, int> pending_;
  std::map<int, Key> place_;
  std::uint64_t order_ = 0;
};

TEST(Timers, AgreesWithAModel) {
  for (unsigned seed = 0; seed < 20; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    const auto below = [&](int n) { return std::uniform_int_distribution<int>(0, n - 1)(random); };
    Timers timers;
    Model model;
    std::vector<Timers::Id> ids;
    int fired = -1;
    int now = 0;
    for (int step = 0; step < 5000; ++step) {
      const int some = ids.empty() ? 0 : below(static_cast<int>(ids.size()));
      const int kind = ids.empty() ? 0 : below(10);
      if (kind < 5) {
        const int name = static_cast<int>(ids.size());
        const Time when = at(now + below(60) - 5);
        ids.push_back(timers.add(when, [&fired, name] { fired = name; }));
        model.add(name, when);
      } else if (kind < 6) {
        ASSERT_EQ(timers.cancel(ids[static_cast<std::size_t>(some)]), model.cancel(some));
      } else if (kind < 7) {
        const Time when = at(now + below(60) - 5);
        ASSERT_EQ(timers.move(ids[static_cast<std::size_t>(some)], when), model.move(some, when));
      } else if (kind < 8) {
        ASSERT_EQ(timers.due(ids[static_cast<std::size_t>(some)]), model.due(some));
        ASSERT_EQ(timers.active(ids[static_cast<std::size_t>(some)]), model.due(some).has_value());
      } else {
        now += below(4);
        fired = -1;
        if (const auto call = timers.take_due(at(now))) call();
        ASSERT_EQ(fired, model.take_due(at(now)));
      }
      ASSERT_EQ(timers.size(), model.size());
    }
  }
}

}  // namespace
}  // namespace parley
