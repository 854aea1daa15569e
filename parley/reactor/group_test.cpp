#include "parley/reactor/group.h"

#include <functional>
#include <gtest/gtest.h>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "parley/reactor/backends/memory.h"

namespace parley {
namespace {

using namespace std::chrono_literals;

class Member final : public Protocol {
 public:
  explicit Member(std::vector<Transport*>& made) : made_(made) {}
  void connection_made() override { made_.push_back(&transport()); }
  void data_received(std::span<char>) override {}

 private:
  std::vector<Transport*>& made_;
};

struct GroupTest : ::testing::Test {
  GroupTest() {
    port =
        reactor.listen_tcp({"127.0.0.1", 0}, [this] { return std::make_unique<Member>(made); }).host().port();
  }
  ~GroupTest() override {
    reactor.stop(0s);
    reactor.run();
  }

  // The next member: its peer, and its transport in `made`.
  MemoryPeer join() {
    const std::size_t before = made.size();
    MemoryPeer peer = network.connect(port);
    for (int i = 0; i < 20 && made.size() == before; ++i) reactor.turn(0s);
    EXPECT_EQ(made.size(), before + 1);
    return peer;
  }
  // What is done inside the loop, and the turns that it takes to arrive.
  void inside(std::function<void()> what) {
    reactor.post(std::move(what));
    for (int i = 0; i < 4; ++i) reactor.turn(0s);
  }

  ManualClock clock;
  MemoryNetwork network{clock};
  std::vector<Transport*> made;
  Reactor reactor{network.backend(), ReactorSettings{.clock = &clock}};
  int port = 0;
};

TEST_F(GroupTest, EveryMemberButOneIsToldInOneWrite) {
  Group group(reactor);
  std::vector<MemoryPeer> peers;
  for (int i = 0; i < 3; ++i) {
    peers.push_back(join());
    group.add(*made.back());
  }
  inside([&] {
    for (int i = 0; i < 60; ++i) group.broadcast(omit(*made[0]), "m", i, ";");
    group.broadcast("all");
  });
  std::string most;
  for (int i = 0; i < 60; ++i) most += concat("m", i, ";");
  EXPECT_EQ(peers[0].received(), "all");
  EXPECT_EQ(peers[1].received(), most + "all");
  EXPECT_EQ(peers[2].received(), most + "all");
  for (const MemoryPeer& peer : peers) EXPECT_EQ(peer.writes(), 1U);
}

TEST_F(GroupTest, RepliesAndSeveralGroupsKeepOneOrder) {
  Group one(reactor);
  Group two(reactor);
  MemoryPeer both = join();
  MemoryPeer second = join();
  one.add(*made[0]);
  two.add(*made[0]);
  two.add(*made[1]);
  inside([&] {
    one.broadcast("1");
    two.broadcast("2");
    made[0]->write("3");
    two.broadcast(omit(*made[1]), "4");
    two.broadcast("5");
    made[1]->write("6");
    made[0]->write(Slice::permanent("7"));
    one.broadcast("8");
    made[0]->lose_connection();
    one.broadcast("9");
  });
  EXPECT_EQ(both.received(), "1234578");
  EXPECT_EQ(second.received(), "256");
}

TEST_F(GroupTest, WhoComesIsToldWhatComesThenAndWhoGoesWhatCameBefore) {
  Group group(reactor);
  MemoryPeer first = join();
  MemoryPeer second = join();
  group.add(*made[0]);
  inside([&] {
    group.broadcast("a");
    group.add(*made[1]);
    group.broadcast("b");
    group.remove(*made[0]);
    group.broadcast("c");
  });
  EXPECT_EQ(first.received(), "ab");
  EXPECT_EQ(second.received(), "bc");
}

TEST_F(GroupTest, AGroupThatIsDestroyedHasSaidWhatItSaid) {
  auto group = std::make_unique<Group>(reactor);
  MemoryPeer peer = join();
  group->add(*made[0]);
  inside([&] {
    group->broadcast("last words");
    group.reset();
  });
  EXPECT_EQ(peer.received(), "last words");
}

TEST_F(GroupTest, OneWhoIsLeftOutNeedNotBeAMember) {
  Group group(reactor);
  MemoryPeer stranger = join();
  MemoryPeer member = join();
  group.add(*made[1]);
  inside([&] { group.broadcast(omit(*made[0]), "x"); });
  inside([&] { group.add(*made[0]); });
  inside([&] { group.broadcast("y"); });
  EXPECT_EQ(stranger.received(), "y");
  EXPECT_EQ(member.received(), "xy");
}

TEST_F(GroupTest, MembersLeaveByThemselves) {
  Group group(reactor);
  std::vector<MemoryPeer> peers;
  for (int i = 0; i < 5; ++i) {
    peers.push_back(join());
    group.add(*made.back());
  }
  EXPECT_EQ(group.size(), 5U);
  peers[1].reset();
  peers[3].close();
  for (int i = 0; i < 4; ++i) reactor.turn(0s);
  EXPECT_EQ(group.size(), 3U);
  // The place of one who has left is another's now, who is no member.
  MemoryPeer other = join();
  inside([&] { group.broadcast("hello"); });
  EXPECT_EQ(other.received(), "");
  EXPECT_EQ(peers[4].received(), "hello");
}

TEST_F(GroupTest, AMessageLargerThanATapeBlockArrives) {
  Group group(reactor);
  MemoryPeer peer = join();
  group.add(*made[0]);
  const std::string large(3 * Tape::block_bytes, 'x');
  inside([&] {
    group.broadcast("before ");
    group.broadcast(large);
    group.broadcast(" after");
  });
  for (int i = 0; i < 50; ++i) reactor.turn(0s);
  EXPECT_EQ(peer.received(), "before " + large + " after");
}

// As many forms as there may be, but for the plain one: a word in front.
class Prefixed final : public Form {
 public:
  explicit Prefixed(std::string prefix) : prefix_(std::move(prefix)) {}
  void encode(std::string_view message, Writer& out) override { out.put(encoded(message)); }
  std::string encoded(std::string_view message) const { return prefix_ + std::string(message); }

 private:
  std::string prefix_;
};

TEST_F(GroupTest, EachFormLeavesInOneWrite) {
  Prefixed colon(":");
  Group group(reactor);
  MemoryPeer plain = join();
  MemoryPeer formed = join();
  group.add(*made[0]);
  group.add(*made[1], colon);
  inside([&] {
    for (int i = 0; i < 60; ++i) {
      group.broadcast("x");
      if (i % 10 == 0) made[0]->write("y");  // ends the runs of its own form alone
    }
  });
  EXPECT_EQ(formed.received().size(), 120U);
  EXPECT_EQ(plain.received().size(), 66U);
  EXPECT_EQ(formed.writes(), 1U);
  EXPECT_EQ(plain.writes(), 1U);
}

TEST_F(GroupTest, OneThatLagsDoesNotPartWhatTheOthersAreTold) {
  Group group(reactor);
  std::vector<MemoryPeer> peers;
  for (int i = 0; i < 4; ++i) {
    peers.push_back(join());
    group.add(*made.back());
  }
  peers[0].window(0);
  while (made[0]->queued() < Limits{}.sendq_bytes * 3 / 4) {
    inside([&] { made[0]->write(std::string(20000, 'x')); });
  }
  const std::size_t before = peers[1].writes();
  inside([&] {
    for (int i = 0; i < 60; ++i) group.broadcast("y");
  });
  EXPECT_EQ(peers[1].received(), std::string(60, 'y'));
  EXPECT_EQ(peers[1].writes() - before, 1U);
}

TEST_F(GroupTest, WhatFormsAreToldIsFlushedWhenItIsMuch) {
  Prefixed colon(":");
  Prefixed dots("...");
  Group group(reactor);
  MemoryPeer one = join();
  MemoryPeer other = join();
  group.add(*made[0], colon);
  group.add(*made[1], dots);
  std::vector<std::size_t> writes;
  const auto tell = [&](std::size_t bytes) {
    reactor.post([&, bytes] { group.broadcast(std::string(bytes, 'x')); });
    reactor.post([&] { writes.push_back(one.writes()); });
    for (int i = 0; i < 4; ++i) reactor.turn(0s);
  };
  tell(Limits{}.tape_bytes - 4);  // with the longest form, not the sum of all
  tell(Limits{}.tape_bytes - 3);
  EXPECT_EQ(writes, (std::vector<std::size_t>{0, 2}));
}

// Against a model: what each client has been told is a string of its own.
TEST_F(GroupTest, TellsEachWhatAModelTellsIt) {
  constexpr std::size_t clients = 8;
  for (unsigned seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    made.clear();
    std::vector<MemoryPeer> peers;
    std::vector<std::string> model(clients);
    std::vector<std::unique_ptr<Group>> groups;
    std::vector<std::vector<bool>> in(3, std::vector<bool>(clients, false));
    for (std::size_t i = 0; i < clients; ++i) peers.push_back(join());
    Prefixed forms[] = {Prefixed("#"), Prefixed(""), Prefixed("..")};
    std::vector<std::size_t> form(clients);  // 3: the plain one
    for (std::size_t& one : form) one = random() % 4;
    const auto told = [&](std::size_t who, const std::string& text) {
      return form[who] == 3 ? text : forms[form[who]].encoded(text);
    };
    for (int i = 0; i < 3; ++i) groups.push_back(std::make_unique<Group>(reactor));
    for (int turn = 0; turn < 30; ++turn) {
      inside([&] {
        for (auto step = random() % 40; step > 0; --step) {
          const std::size_t group = random() % 3;
          const std::size_t who = random() % clients;
          const std::string text = concat(random() % 100000, std::string(random() % 50, '.'), ';');
          switch (random() % 8) {
            case 0:
              if (in[group][who]) break;
              if (form[who] == 3) groups[group]->add(*made[who]);
              if (form[who] != 3) groups[group]->add(*made[who], forms[form[who]]);
              in[group][who] = true;
              break;
            case 1:
              groups[group]->remove(*made[who]);
              in[group][who] = false;
              break;
            case 2:
              made[who]->write(text);
              model[who] += text;
              break;
            case 3:
              groups[group]->broadcast(text);
              for (std::size_t i = 0; i < clients; ++i) model[i] += in[group][i] ? told(i, text) : "";
              break;
            default:
              groups[group]->broadcast(omit(*made[who]), text);
              for (std::size_t i = 0; i < clients; ++i)
                model[i] += in[group][i] && i != who ? told(i, text) : "";
          }
        }
      });
    }
    for (std::size_t i = 0; i < clients; ++i) ASSERT_EQ(peers[i].received(), model[i]) << "client " << i;
    for (MemoryPeer& peer : peers) peer.close();
    for (int i = 0; i < 5; ++i) reactor.turn(0s);
  }
}

}  // namespace
}  // namespace parley
