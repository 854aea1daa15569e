#include "chat/server.h"

#include <chrono>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "chat/server_fixture.h"

namespace chat {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

TEST_F(ServerTest, AConversation) {
  start();
  parley::MemoryPeer ann = join();
  EXPECT_EQ(ann.take(), greeting);
  parley::MemoryPeer bob = join();
  EXPECT_EQ(bob.take(), greeting);
  EXPECT_EQ(ann.take(), joined(bob));
  ann.send("hello\r\n");
  turns();
  EXPECT_EQ(ann.take(), "");
  EXPECT_EQ(bob.take(), says(ann, "hello"));
  bob.send("a last line");
  bob.close();
  turns();
  EXPECT_EQ(ann.take(), says(bob, "a last line") + left(bob));
  stop();
  EXPECT_EQ(written, "ChatServer started on port 2626\n" + joined(ann) + joined(bob) + says(ann, "hello") +
                         says(bob, "a last line") + left(bob));
}

TEST_F(ServerTest, TheConversationIsNotShownWhenNobodyWantsIt) {
  Config config;
  config.chat = false;
  start(config);
  parley::MemoryPeer ann = join();
  parley::MemoryPeer bob = join();
  EXPECT_EQ(ann.take(), greeting + joined(bob));
  stop();
  EXPECT_EQ(written, "ChatServer started on port 2626\n");
}

TEST_F(ServerTest, ListenersHaveTheirRooms) {
  Config config;
  const auto at = [](int port) {
    return parley::ServerEndpoint{parley::ServerEndpoint::Tcp{.address = {"127.0.0.1", port}}};
  };
  config.listeners = {{at(1000), "#lobby"}, {at(1001), "#lobby"}, {at(1002), "#kitchen"}};
  start(config);
  parley::MemoryPeer ann = network.connect(1000);
  turns();
  parley::MemoryPeer bob = network.connect(1001);
  parley::MemoryPeer cat = network.connect(1002);
  turns();
  EXPECT_EQ(ann.take(), greeting + joined(bob));
  bob.send("hi\n");
  turns();
  EXPECT_EQ(ann.take(), says(bob, "hi"));
  EXPECT_EQ(cat.take(), greeting);
  stop();
  EXPECT_THAT(written, StartsWith("ChatServer started on port 1000\nChatServer started on port 1001\n"
                                  "ChatServer started on port 1002\n"));
}

TEST_F(ServerTest, TelnetsKeysAndLineEnds) {
  start();
  parley::MemoryPeer ann = join();
  parley::MemoryPeer bob = join();
  ann.take();
  bob.take();
  ann.send(std::string("one\r\0two\r\n", 10));
  turns();
  EXPECT_EQ(bob.take(), says(ann, "one") + says(ann, "two"));
  ann.send("helx\x7flo");  // each piece is read by itself
  turns();
  ann.send("y\x08\xff");
  turns();
  ann.send("\xf7");
  turns();
  ann.send("o\r\n");
  turns();
  EXPECT_EQ(bob.take(), says(ann, "hello"));
  ann.send("never mind\xff\xf8no\r\n\xff\xf6");
  turns();
  EXPECT_EQ(bob.take(), says(ann, "no"));
  EXPECT_EQ(ann.take(), "[Yes]\r\n");
}

TEST_F(ServerTest, TelnetIsRefusedAndTextIsCleaned) {
  start();
  parley::MemoryPeer ann = join();
  parley::MemoryPeer bob = join();
  ann.take();
  bob.take();
  ann.send("\xff\xfd\x01\x1b[1mh\xff\xfb\n\xffi\xc3\r\n");
  turns();
  EXPECT_EQ(ann.take(), "\xff\xfc\x01\xff\xfe\n");
  EXPECT_EQ(bob.take(), says(ann, "[1mhi\xef\xbf\xbd"));
}

TEST_F(ServerTest, ALineThatIsTooLongIsRefusedOnce) {
  Config config;
  config.line_bytes = 10;
  start(config);
  parley::MemoryPeer ann = join();
  parley::MemoryPeer bob = join();
  ann.take();
  bob.take();
  ann.send("12345678901");
  turns();
  ann.send("2345\n1234567890\n");
  turns();
  EXPECT_EQ(ann.take(), "Line too long: 10 bytes at most\r\n");
  EXPECT_EQ(bob.take(), says(ann, "1234567890"));
}

TEST_F(ServerTest, WhoSaysNoMoreHasLeftButStillGetsWhatWasSent) {
  network.set_faults({.send_bytes = 100});
  start();
  parley::MemoryPeer ann = join();
  parley::MemoryPeer bob = join();
  bob.window(0);
  std::string said;
  for (int i = 0; i < 50; ++i) {
    ann.send("something to say\n");
    said += says(ann, "something to say");
    turns(2);
  }
  bob.close();
  turns();
  EXPECT_EQ(ann.take(), greeting + joined(bob) + left(bob)) << "at once, not when it has read everything";
  ann.send("too late for this\n");
  turns();
  bob.read_everything();
  turns(30);
  EXPECT_EQ(bob.take(), greeting + said);
  EXPECT_TRUE(bob.ended());
}

TEST_F(ServerTest, WhoDoesNotKeepUpIsDisconnectedWithAReason) {
  Config config;
  config.limits.sendq_bytes = 20000;
  network.set_faults({.send_bytes = 1000});
  start(config);
  parley::MemoryPeer ann = join();
  parley::MemoryPeer bob = join();
  parley::MemoryPeer slow = join();
  slow.window(0);
  std::string said;
  for (int i = 0; i < 40; ++i) {
    ann.send(std::string(1000, 'x') + "\n");
    said += says(ann, std::string(1000, 'x'));
    clock.advance(1s);
    turns();
  }
  const std::string seen = bob.take();
  const std::size_t leave = seen.find(left(slow));
  ASSERT_NE(leave, seen.npos);
  EXPECT_EQ(std::string(seen).erase(leave, left(slow).size()), greeting + joined(slow) + said);
  EXPECT_TRUE(slow.was_reset());
  ASSERT_EQ(log.lines.size(), 2U);
  EXPECT_THAT(log.lines[0],
              StartsWith(name(slow) + " reads too slowly"));  // the reactor's, of any connection
  EXPECT_THAT(log.lines[1], StartsWith(name(slow) + " did not keep up"));
  EXPECT_EQ(log.levels[1], parley::Level::warn);
}

TEST_F(ServerTest, AtTheEndEverybodyIsToldAndNobodyIsSeenToLeave) {
  start();
  parley::MemoryPeer ann = join();
  parley::MemoryPeer bob = join();
  ann.take();
  bob.take();
  ann.send("the last word\nhalf a l");
  turns();
  server->shut_down();
  turns();
  EXPECT_EQ(ann.take(), goodbye);
  EXPECT_EQ(bob.take(), says(ann, "the last word") + goodbye);
  EXPECT_TRUE(ann.ended());
  ann.close();
  bob.close();
  server->run();
  EXPECT_TRUE(network.connect(2626).was_reset()) << "nobody listens any more";
  stop();
  EXPECT_THAT(written, testing::Not(HasSubstr("left")));
}

TEST_F(ServerTest, SessionsStandInPlacesThatAreUsedAgain) {
  start();
  Hall hall;
  Sessions sessions;
  PostOffice office(server->reactor(), sessions, nullptr);
  FrontDesk desk(hall, office, sessions, server->reactor(), log, {});
  parley::PeerLimits peers({});
  const auto service = std::make_shared<LineService>(desk, server->reactor(), peers, "#lobby", LineChat{});
  auto first = service->build_protocol({"192.0.2.1", 1});
  const auto second = service->build_protocol({"192.0.2.1", 2});
  const auto* const place = first.get();
  EXPECT_NE(second.get(), place);
  first.reset();
  const auto third = service->build_protocol({"192.0.2.1", 3});
  EXPECT_EQ(third.get(), place);
}

// What a session is called and where its connection stands have nothing to do with each other.
TEST_F(ServerTest, ASessionsNumberIsNotItsConnections) {
  start();
  Hall hall;
  Sessions sessions;
  PostOffice office(server->reactor(), sessions, nullptr);
  FrontDesk desk(hall, office, sessions, server->reactor(), log, {});
  parley::PeerLimits peers({});
  const auto service = std::make_shared<LineService>(desk, server->reactor(), peers, "#lobby", LineChat{});
  server->reactor().listen_tcp(parley::Address("127.0.0.1", 1000), service);
  for (int i = 0; i < 3; ++i) desk.open({});  // they have a number, and no connection
  const auto enter = [this] {
    parley::MemoryPeer peer = network.connect(1000);
    turns();
    return peer;
  };
  parley::MemoryPeer ann = enter();
  parley::MemoryPeer bob = enter();
  EXPECT_EQ(ann.take(), greeting + joined(bob));
  EXPECT_EQ(bob.take(), greeting);
  ann.send("hello\n");
  turns();
  EXPECT_EQ(ann.take(), "");
  EXPECT_EQ(bob.take(), says(ann, "hello"));
  ann.close();
  turns();
  EXPECT_EQ(bob.take(), left(ann));
  EXPECT_EQ(sessions.size(), 4U);
  parley::MemoryPeer cat = enter();  // with Ann's place, and not her number
  EXPECT_EQ(sessions.size(), 5U);
  EXPECT_EQ(sessions.transport_of({3, 1}), parley::TransportId());
  EXPECT_NE(sessions.transport_of({3, 3}), parley::TransportId());
  cat.send("meow\n");
  turns();
  EXPECT_EQ(cat.take(), greeting);
  EXPECT_EQ(bob.take(), joined(cat) + says(cat, "meow"));
  desk.submit(ShutDown{});
  turns();
  EXPECT_EQ(bob.take(), goodbye);
  EXPECT_EQ(cat.take(), goodbye);
  EXPECT_TRUE(bob.ended());
  EXPECT_TRUE(cat.ended());
  stop();  // while what the sessions use is there
  EXPECT_EQ(sessions.size(), 3U);
}

// Over a network that is late, short and split, with people who come, talk, break off and go: one who
// was there from the beginning and stays sees everything, each sender's lines in their order.
class RoughServerTest : public ServerTest, public testing::WithParamInterface<int> {
 protected:
  RoughServerTest() : ServerTest(static_cast<std::uint64_t>(GetParam()), parley::MemoryFaults::rough()) {}
};

TEST_P(RoughServerTest, WhoStaysSeesEverythingInOrder) {
  std::mt19937 random(static_cast<std::uint32_t>(GetParam()));
  Config config;
  if (GetParam() % 2 == 0) config.flush_interval = 10ms;
  start(config);
  parley::MemoryPeer stays = network.connect(2626);
  while (stays.received().empty()) {
    clock.advance(10ms);
    turns(1);
  }
  struct Actor {
    parley::MemoryPeer peer;
    std::string wanted;  // what `stays` sees of it
  };
  std::vector<Actor> actors;
  for (int step = 0; step < 400; ++step) {
    const auto dice = random() % 10;
    if (actors.size() < 3 || dice == 0) {
      actors.push_back({network.connect(2626), {}});
      actors.back().wanted = joined(actors.back().peer);
    } else if (Actor& actor = actors[random() % actors.size()]; actor.wanted.ends_with(left(actor.peer))) {
      continue;
    } else if (dice == 1) {
      actor.peer.close();
      actor.wanted += left(actor.peer);
    } else {
      const std::string text = parley::concat("line ", step);
      actor.peer.send(text + (dice % 2 == 0 ? "\n" : "\r\n"));
      actor.wanted += says(actor.peer, text);
    }
    clock.advance(5ms);
    turns(1);
  }
  std::size_t size = greeting.size();
  for (const Actor& actor : actors) size += actor.wanted.size();
  for (int i = 0; i < 5000 && stays.received().size() < size; ++i) {
    clock.advance(10ms);
    turns(1);
  }

  std::map<std::string, std::string> seen;  // by name
  std::string rest = stays.take();
  ASSERT_THAT(rest, StartsWith(greeting));
  rest.erase(0, greeting.size());
  while (!rest.empty()) {
    const std::string line = rest.substr(0, rest.find("\r\n") + 2);
    for (const Actor& actor : actors) {
      const std::string whose = name(actor.peer);
      if (line == joined(actor.peer) || line == left(actor.peer) ||
          line.starts_with(parley::concat("[", whose, "]"))) {
        seen[whose] += line;
      }
    }
    rest.erase(0, line.size());
  }
  for (const Actor& actor : actors) EXPECT_EQ(seen[name(actor.peer)], actor.wanted);
}

INSTANTIATE_TEST_SUITE_P(Seeds, RoughServerTest, testing::Range(1, 11));

}  // namespace
}  // namespace chat
