// Groups, and local sockets: what else every back end must carry.

#include "parley/reactor/group.h"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "parley/line/line_receiver.h"
#include "tests/conformance/conformance.h"

namespace parley::conformance {
namespace {

using namespace std::chrono_literals;

class Groups : public Conformance {};
PARLEY_CONFORMANCE(Groups);
PARLEY_CONFORMANCE_UNDER_FILTERS(Groups);

TEST_P(Groups, MembersLeaveByThemselves) {
  Group group(reactor());
  std::vector<Client> clients;
  for (int i = 0; i < 6; ++i) {
    clients.push_back(join({.made = [&](Actor& actor) { group.add(actor.wire()); }}));
  }
  EXPECT_EQ(group.size(), 6U);
  clients[0].peer->close();
  clients[1].peer->reset();
  clients[2].wire().lose_connection();
  clients[3].wire().abort_connection();
  group.broadcast("still");
  ASSERT_TRUE(until([&] { return reactor().connections() == 2; }));
  EXPECT_EQ(group.size(), 2U);
  const Client next =
      join({.made = [&](Actor& actor) { group.add(actor.wire()); }});  // in a place that was used
  group.broadcast(" there");
  const auto told = [](const Client& client, std::string_view what) {
    return client.peer->received() == what;
  };
  EXPECT_TRUE(until([&] {
    return told(next, " there") && told(clients[4], "still there") && told(clients[5], "still there");
  }));
  EXPECT_EQ(clients[2].peer->received(), "");
}

TEST_P(Groups, OneIsLeftOutAndRepliesKeepTheirPlace) {
  Group group(reactor());
  std::vector<Client> clients;
  for (int i = 0; i < 3; ++i) {
    clients.push_back(join({.made = [&](Actor& actor) { group.add(actor.wire()); }}));
  }
  group.broadcast("a");
  group.broadcast(omit(clients[1].wire()), "b");
  clients[1].wire().write("(1)");
  group.broadcast("c", 7);
  group.broadcast(omit(clients[0].wire()), "d");
  group.remove(clients[2].wire());
  group.broadcast("e");
  settle();
  ASSERT_TRUE(until([&] { return clients[1].peer->received().size() >= 8; }));
  EXPECT_EQ(clients[0].peer->received(), "abc7e");
  EXPECT_EQ(clients[1].peer->received(), "a(1)c7de");
  EXPECT_EQ(clients[2].peer->received(), "abc7d");
}

TEST_P(Groups, Rule8_AGroupMayGoInTheMiddleOfItsOwnTelling) {
  auto group = std::make_unique<Group>(reactor());
  std::vector<Client> clients;
  const auto tell = [&] {
    if (!group) return;
    group->broadcast("the last thing ");
    group->broadcast("it ever said");
    group.reset();
  };
  for (int i = 0; i < 3; ++i) {
    clients.push_back(join({.made = [&](Actor& actor) { group->add(actor.wire()); },
                            .received = [&](Actor&, std::string_view) { tell(); }}));
  }
  for (const Client& client : clients) client.peer->send("go on");
  for (const Client& client : clients) {
    EXPECT_TRUE(until([&] { return client.peer->received() == "the last thing it ever said"; }));
  }
}

// The chat of the guide, as a whole program: the room goes before the reactor, after everybody has left.
TEST_P(Groups, AChatEndsInGoodOrder) {
  class Chatter : public LineReceiver {
   public:
    explicit Chatter(Group& room) : room_(room) {}

   private:
    void connection_made() override {
      send_line("welcome");
      room_.add(transport());
      room_.broadcast(omit(transport()), "joined\r\n");
    }
    void line_received(std::string_view line) override {
      room_.broadcast(omit(transport()), "> ", line, "\r\n");
    }
    void connection_lost(Reason) override { room_.broadcast(omit(transport()), "left\r\n"); }

    Group& room_;
  };
  const auto chat = [&](auto talk) {
    const auto world = Outside::make(GetParam());
    Reactor reactor(world->backend(), {.clock = &world->clock()});
    Group room(reactor);
    const int at =
        reactor.listen_tcp({"127.0.0.1", 0}, [&] { return std::make_unique<Chatter>(room); }).host().port();
    const auto first = world->connect({"127.0.0.1", at});
    const auto turn_until = [&](auto so) {
      for (int i = 0; i < 20000 && !so(); ++i) {
        reactor.turn(0s);
        world->move();
      }
      return so();
    };
    EXPECT_TRUE(turn_until([&] { return first->received() == "welcome\r\n"; }));
    const auto second = world->connect({"127.0.0.1", at});
    EXPECT_TRUE(turn_until([&] { return first->received() == "welcome\r\njoined\r\n"; }));
    second->send("hel");
    second->send("lo\nand more");
    EXPECT_TRUE(turn_until([&] { return first->received() == "welcome\r\njoined\r\n> hello\r\n"; }));
    second->close();
    EXPECT_TRUE(turn_until(
        [&] { return first->received() == "welcome\r\njoined\r\n> hello\r\n> and more\r\nleft\r\n"; }));
    talk(reactor);
  };
  chat([](Reactor& reactor) {
    reactor.stop(0s);
    reactor.run();
  });
  chat([](Reactor&) {});  // and one that goes as it is
}

TEST_P(Groups, LocalPeersAreNumbered) {
  const std::string path = (std::filesystem::temp_directory_path() /
                            ("parley-" + GetParam().name + "-" +
                             std::to_string(std::hash<std::thread::id>()(std::this_thread::get_id()))))
                               .string();
  std::filesystem::remove(path);
  std::vector<Story*> stories;
  std::vector<std::string> names;
  const auto make = [&](const Address& peer) {
    names.push_back(concat(peer));
    stories.push_back(&new_story());
    return std::make_unique<Actor>(
        *stories.back(),
        Script{.received = [](Actor& actor, std::string_view text) { actor.wire().write(text); }});
  };
  ListeningPort port = reactor().listen_unix(Address::local(path), make);
  EXPECT_EQ(port.host(), Address::local(path));
  std::vector<std::unique_ptr<Peer>> peers;
  for (int i = 0; i < 3; ++i) {
    peers.push_back(outside().connect(Address::local(path)));
    peers.back()->send("echo");
    ASSERT_TRUE(until([&] { return peers.back()->received() == "echo"; }));
  }
  EXPECT_EQ(names, (std::vector<std::string>{"[local:1]", "[local:2]", "[local:3]"}));
  port.stop_listening();
  EXPECT_TRUE(outside().connect(Address::local(path))->was_reset());
  EXPECT_FALSE(std::filesystem::exists(path));
  peers[0]->send("!");
  EXPECT_TRUE(until([&] { return peers[0]->received() == "echo!"; }));  // who is in stays in
  for (const auto& peer : peers) peer->close();
  ASSERT_TRUE(until([&] { return counts_.open == 0; }));
}

TEST_P(Groups, EveryAddressMeansBothFamilies) {
  std::vector<std::string> hosts;
  const ListeningPort at = reactor().listen_tcp({"", 0}, [&](const Address& peer) {
    hosts.push_back(peer.host());
    return std::make_unique<Actor>(new_story(), Script{});
  });
  const auto four = outside().connect({"127.0.0.1", at.host().port()});
  ASSERT_TRUE(until([&] { return hosts.size() == 1; }));
  EXPECT_EQ(hosts[0], "127.0.0.1");  // and not ::ffff:127.0.0.1
  std::unique_ptr<Peer> six;
  try {
    six = outside().connect({"::1", at.host().port()});
  } catch (const std::exception&) {
    return;  // a machine without IPv6
  }
  ASSERT_TRUE(until([&] { return hosts.size() == 2; }));
  EXPECT_EQ(hosts[1], "::1");
}

}  // namespace
}  // namespace parley::conformance
