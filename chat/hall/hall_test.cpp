#include "chat/hall/hall.h"

#include <cstddef>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "chat/hall/recording_post_fixture.h"
#include "parley/base/print.h"

namespace chat {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class HallTest : public testing::Test {
 protected:
  void apply(auto what) { hall.apply(Command{{++id, 0}, what}, post); }

  Hall hall;
  RecordingPost post;
  std::uint64_t id = 0;
  const SessionId ann{0, 1};
  const SessionId bob{1, 1};
  const SessionId cat{2, 1};
};

TEST_F(HallTest, OneWhoConnectsIsWelcomedAndTheOthersHearOfIt) {
  apply(Connect{ann, "ann", "#lobby"});
  apply(Connect{bob, "bob", "#lobby"});
  EXPECT_THAT(post.got(ann), ElementsAre("welcome", "+bob"));
  EXPECT_THAT(post.got(bob), ElementsAre("welcome"));
  EXPECT_EQ(hall.users(), 2U);
}

TEST_F(HallTest, TheCallsAreTheseInThisOrder) {
  apply(Connect{ann, "ann", "#lobby"});
  apply(Say{ann, "hi"});
  apply(Disconnect{ann});
  EXPECT_THAT(post.calls, ElementsAre("set_form 0.1 line", "tell 0.1 1 welcome", "subscribe 0.1 0.1",
                                      "publish 0.1 +ann except 0.1", "publish 0.1 ann: hi except 0.1",
                                      "unsubscribe 0.1 0.1", "publish 0.1 -ann except nobody"));
}

TEST_F(HallTest, WhatOneSaysGoesToEverybodyElseInTheRoom) {
  apply(Connect{ann, "ann", "#lobby"});
  apply(Connect{bob, "bob", "#lobby"});
  apply(Connect{cat, "cat", "#kitchen"});
  apply(Say{bob, "hello"});
  apply(Say{bob, ""});
  EXPECT_THAT(post.got(ann), ElementsAre("welcome", "+bob", "bob: hello", "bob: "));
  EXPECT_THAT(post.got(bob), ElementsAre("welcome"));
  EXPECT_THAT(post.got(cat), ElementsAre("welcome"));
}

TEST_F(HallTest, OneWhoLeavesIsSeenToLeaveAndGetsNothingMore) {
  apply(Connect{ann, "ann", "#lobby"});
  apply(Connect{bob, "bob", "#lobby"});
  apply(Disconnect{bob});
  apply(Say{ann, "gone?"});
  EXPECT_THAT(post.got(ann), ElementsAre("welcome", "+bob", "-bob"));
  EXPECT_THAT(post.got(bob), ElementsAre("welcome"));
  apply(Disconnect{ann});
  EXPECT_EQ(hall.users(), 0U);
  EXPECT_EQ(hall.rooms(), 0U);
}

TEST_F(HallTest, SessionsThatAreNotThereMeanNothing) {
  apply(Say{ann, "nobody said this"});
  apply(Disconnect{ann});
  apply(Say{SessionId{}, "nor this"});
  EXPECT_THAT(post.calls, IsEmpty());

  apply(Connect{ann, "ann", "#lobby"});
  apply(Disconnect{ann});
  apply(Connect{SessionId{ann.index, ann.generation + 1}, "eve", "#lobby"});
  const auto calls = post.calls.size();
  apply(Say{ann, "a stale number is not eve"});
  apply(Disconnect{ann});
  EXPECT_EQ(post.calls.size(), calls);
  EXPECT_EQ(hall.users(), 1U);
}

TEST_F(HallTest, AtTheEndEverybodyIsToldAndClosedAndNobodyIsSeenToLeave) {
  apply(Connect{ann, "ann", "#lobby"});
  apply(Connect{bob, "bob", "#kitchen"});
  apply(ShutDown{});
  apply(ShutDown{});
  apply(Disconnect{ann});
  apply(Say{bob, "too late"});
  EXPECT_THAT(post.got(ann), ElementsAre("welcome", "going down"));
  EXPECT_THAT(post.got(bob), ElementsAre("welcome", "going down"));
  EXPECT_EQ(hall.users(), 0U);

  apply(Connect{cat, "cat", "#lobby"});
  EXPECT_THAT(post.got(cat), ElementsAre("going down"));
  EXPECT_EQ(post.calls.back(), "close 2.1");
  EXPECT_EQ(post.wrong(), "");
}

// A thousand random commands, some of them stale or out of place.
class RandomCommands {
 public:
  explicit RandomCommands(std::uint32_t seed) : random_(seed) {}

  // One command is made and handed to `use`, its texts valid within.
  void next(auto use) {
    const std::uint32_t place = static_cast<std::uint32_t>(random_() % 12);
    const auto kind = random_() % 10;
    ++id_;
    if (kind < 3 && !taken_[place]) {
      taken_[place] = true;
      const SessionId session{place, ++generation_};
      at_[place] = session;
      // Some names are long, as IPv6 peers' are.
      const std::string name = parley::concat(random_() % 2 ? "u" : "[2001:db8:aaaa:bbbb:cccc::1]:", id_);
      use(Command{{id_, 7}, Connect{session, name, random_() % 3 ? "#lobby" : "#kitchen"}});
    } else if (kind < 5) {
      taken_[place] = false;
      use(Command{{id_, 7}, Disconnect{at_[place]}});
    } else {
      const std::string text = parley::concat("text ", random_() % 1000);
      use(Command{{id_, 7}, Say{at_[place], text}});
    }
  }

 private:
  std::mt19937 random_;
  std::uint64_t id_ = 0;
  std::uint32_t generation_ = 0;
  std::map<std::uint32_t, bool> taken_;
  std::map<std::uint32_t, SessionId> at_;
};

// The rules once more, as plainly as they can be said.
class Model {
 public:
  void apply(const Command& command) {
    if (const auto* connect = std::get_if<Connect>(&command.what)) {
      got[connect->session].push_back("welcome");
      to_others(connect->session, connect->room, parley::concat("+", connect->name));
      there[connect->session] = {std::string(connect->name), std::string(connect->room)};
    } else if (const auto* say = std::get_if<Say>(&command.what)) {
      if (!there.contains(say->session)) return;
      const auto& [name, room] = there[say->session];
      to_others(say->session, room, parley::concat(name, ": ", say->text));
    } else if (const auto* disconnect = std::get_if<Disconnect>(&command.what)) {
      if (!there.contains(disconnect->session)) return;
      const auto [name, room] = there[disconnect->session];
      to_others(disconnect->session, room, parley::concat("-", name));
      there.erase(disconnect->session);
    }
  }

  std::map<SessionId, std::pair<std::string, std::string>> there;
  std::map<SessionId, std::vector<std::string>> got;

 private:
  void to_others(SessionId from, std::string_view room, const std::string& text) {
    for (const auto& [session, who] : there) {
      if (session != from && who.second == room) got[session].push_back(text);
    }
  }
};

TEST(HallRandomTest, EveryoneGetsWhatTheModelSays) {
  for (std::uint32_t seed = 1; seed <= 20; ++seed) {
    RandomCommands commands(seed);
    Hall hall;
    RecordingPost post;
    Model model;
    for (int i = 0; i < 1000; ++i) {
      commands.next([&](const Command& command) {
        hall.apply(command, post);
        model.apply(command);
        if (const auto* gone = std::get_if<Disconnect>(&command.what)) post.forget(gone->session);
      });
      ASSERT_EQ(hall.users(), model.there.size()) << "seed " << seed << ", command " << i;
    }
    EXPECT_EQ(post.wrong(), "") << "seed " << seed;
    for (const auto& [session, got] : model.got) {
      ASSERT_EQ(post.got(session), got) << "seed " << seed << ", session " << session.index;
    }
  }
}

TEST(HallRandomTest, TheSameCommandsHaveTheSameConsequences) {
  std::vector<std::string> first;
  for (int run = 0; run < 2; ++run) {
    RandomCommands commands(42);
    Hall hall;
    RecordingPost post;
    for (int i = 0; i < 2000; ++i) {
      commands.next([&](const Command& command) { hall.apply(command, post); });
    }
    hall.apply(Command{{0, 0}, ShutDown{}}, post);
    if (run == 0) first = std::move(post.calls);
    if (run == 1) {
      EXPECT_EQ(post.calls, first);
      EXPECT_GT(first.size(), 1000U);
    }
  }
}

}  // namespace
}  // namespace chat
