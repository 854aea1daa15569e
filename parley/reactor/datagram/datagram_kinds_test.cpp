// Datagrams: errors, Unix sockets, groups and broadcasts.

#include <net/if.h>

#include "parley/reactor/datagram/asked_addresses.h"
#include "parley/reactor/datagram/datagram_fixture.h"

namespace parley {
namespace {

using namespace std::chrono_literals;
using namespace testing_datagrams;

class DatagramKinds : public Datagrams {};
PARLEY_DATAGRAMS(DatagramKinds);

// Errors.

TEST_P(DatagramKinds, TooLongADatagramIsToldAndTheOthersLeave) {
  Story& sender = story();
  DatagramPort port = listen(sender);
  turns(1);
  Socket to = peer();
  port.transport()->write("before", to.getsockname());
  port.transport()->write(std::string(65535, 'x'), to.getsockname());  // the kernel says so
  port.transport()->write(std::string(65537, 'x'), to.getsockname());  // we do
  port.transport()->write("after", to.getsockname());
  EXPECT_EQ(sender.told, Told{"start"});
  turns(2);
  EXPECT_EQ(to.recv(100), "before");
  EXPECT_EQ(to.recv(100), "after");
  const std::string error =
      concat("send ", to.getsockname(), ": Message too long (send less in one datagram)");
  EXPECT_EQ(sender.told, (Told{"start", error, error}));
  EXPECT_EQ(port.transport()->dropped(), 2U);
}

TEST_P(DatagramKinds, AnErrorMayWriteAgainAndTheLoopGoesOn) {
  Story& sender = story();
  int timers = 0;
  sender.at_error = [](DatagramTransport& transport) {
    transport.write(std::string(65535, 'x'), Address("127.0.0.1", 9));
  };
  DatagramPort port = listen(sender);
  turns(1);
  port.transport()->write(std::string(65535, 'x'), Address("127.0.0.1", 9));
  reactor_->call_later(1ms, [&] { ++timers; });
  ASSERT_TRUE(until([&] { return timers == 1 && sender.told.size() > 3; }));
}

TEST_P(DatagramKinds, NobodyAtTheConnectedPortIsToldAndMayComeLater) {
  Story& client = story();
  Address nobody;
  {
    const Socket gone = peer();
    nobody = gone.getsockname();
  }
  DatagramPort port = reactor_->connect_udp(nobody, player(client));
  EXPECT_EQ(port.transport()->peer(), nobody);
  turns(1);
  port.transport()->write("anybody?");
  port.transport()->write("hello?");
  ASSERT_TRUE(until([&] { return client.count("refused") >= 1; }));
  turns(5);
  port.transport()->pause_reading();  // so that it is sending that meets the next refusal
  port.transport()->write("still nobody?");
  turns(1);
  Socket late = peer(nobody);
  port.transport()->write("now?");
  turns(2);
  EXPECT_EQ(late.recv(100), "now?") << "a refusal of earlier ones costs none of the later ones";
  port.transport()->resume_reading();
  late.sendto("yes", port.host());
  ASSERT_TRUE(until([&] { return client.count("yes") == 1; }));
  EXPECT_EQ(port.transport()->dropped(), 0U);
}

TEST_P(DatagramKinds, ConnectedItHearsItsPeerAlone) {
  Story& client = story();
  Socket one = peer();
  Socket two = peer();
  client.at_start = [&](DatagramTransport& transport) {
    transport.connect(one.getsockname());  // as Twisted's startProtocol does
    transport.write("hi");
  };
  DatagramPort port = listen(client);
  turns(1);
  EXPECT_EQ(one.recv(100), "hi");
  two.sendto("psst", port.host());
  one.sendto("ho", port.host());
  ASSERT_TRUE(until([&] { return client.told.size() == 2; }));
  EXPECT_EQ(client.told, (Told{"start", "ho"}));
  port.transport()->connect(two.getsockname());
  port.transport()->write("you");
  turns(1);
  EXPECT_EQ(two.recv(100), "you");
}

TEST_P(DatagramKinds, WithoutAnAddressOrAPeerItIsAnError) {
  Story& sender = story();
  DatagramPort port = listen(sender);
  turns(1);
  port.transport()->write("to whom?");
  turns(2);
  ASSERT_EQ(sender.told.size(), 2U);
  EXPECT_NE(sender.told[1].find("connect first"), std::string::npos) << sender.told[1];
}

// Who is connected hears nobody else: an answer from another of our addresses would be lost.
TEST_P(DatagramKinds, AtEveryAddressAnAnswerLeavesFromTheOneThatWasAsked) {
  for (const char* const any : {"", "0.0.0.0"}) {
    Story& server = echo(story());
    DatagramPort port = listen(server, {any, 0});
    for (const char* const host : {"127.0.0.1", "127.0.0.2", "127.3.2.1"}) {
      Socket client(Family::inet, Type::datagram);
      client.settimeout(10s);
      client.connect({host, port.host().port()});
      client.sendall(host);
      ASSERT_TRUE(until([&] { return server.count(host) == 1; }));
      turns(1);
      EXPECT_EQ(client.recv(100), host);
      port.transport()->write("later", client.getsockname());
      turns(1);
      EXPECT_EQ(client.recv(100), "later") << "after the call";
    }
    port.stop_listening();
  }
}

TEST(AskedAddressesTest, ManyPeersAreRememberedInBoundedMemory) {
  AskedAddresses asked;
  EXPECT_EQ(asked.find({"127.0.0.1", 1}), Address());
  const Address own("127.0.0.2", 5);
  std::size_t known = 0;
  for (int port = 1; port < 5000; ++port) {
    asked.note({"127.0.0.1", port}, own);
    EXPECT_EQ(asked.find({"127.0.0.1", port}), own) << "the last one is always known";
  }
  for (int port = 1; port < 5000; ++port) known += asked.find({"127.0.0.1", port}) == own ? 1 : 0;
  EXPECT_GT(known, AskedAddresses::most / 2);
  EXPECT_LE(known, AskedAddresses::most);
  asked.note({"127.0.0.1", 4999}, Address());
  EXPECT_EQ(asked.find({"127.0.0.1", 4999}), Address()) << "where it came to is not known any more";
}

// Unix.

TEST_P(DatagramKinds, UnixPeersWithAndWithoutAName) {
  Story& server = story();
  server.at_datagram = [](DatagramTransport& transport, std::string_view text, const Address& from) {
    if (from.path().empty()) {
      EXPECT_THROW(transport.write(text, from), AddressError);
    } else {
      transport.write(text, from);
    }
  };
  const Address at = Address::local(path("server"));
  DatagramPort port = reactor_->listen_unix_datagram(at, player(server));
  EXPECT_EQ(port.host(), at);
  Story& named = story();
  DatagramPort client =
      reactor_->connect_unix_datagram(at, player(named), {.source = Address::local(path("client"))});
  Story& nameless = story();
  DatagramPort other = reactor_->connect_unix_datagram(at, player(nameless));
  client.transport()->write("named");
  other.transport()->write("nameless");
  ASSERT_TRUE(until([&] { return server.told.size() == 3 && named.told.size() == 2; }));
  EXPECT_EQ(server.peers, (std::vector<Address>{client.host(), Address::local_peer(0)}));
  EXPECT_EQ(named.told, (Told{"start", "named"}));
  client.stop_listening();
  port.stop_listening();
  EXPECT_FALSE(std::filesystem::exists(path("server")));
  EXPECT_FALSE(std::filesystem::exists(path("client")));
  other.transport()->write("still there?");
  ASSERT_TRUE(until([&] { return nameless.told.size() == 2; }));
  EXPECT_EQ(nameless.told[1], "refused");
}

TEST_P(DatagramKinds, APathIsTakenOverFromTheDeadAlone) {
  const Address at = Address::local(path("socket"));
  Story& one = story();
  {
    const Socket dead = peer(at, Family::local);
  }
  DatagramPort port = reactor_->listen_unix_datagram(at, player(one));
  EXPECT_THROW(reactor_->listen_unix_datagram(at, player(story())), SocketError);
  port.stop_listening();
  std::FILE* const file = std::fopen(path("file").c_str(), "w");
  ASSERT_NE(file, nullptr);
  std::fclose(file);
  EXPECT_THROW(reactor_->listen_unix_datagram(Address::local(path("file")), player(story())), SocketError);
  EXPECT_TRUE(std::filesystem::exists(path("file"))) << "no socket, and not ours";
  EXPECT_THROW(reactor_->connect_unix_datagram(at, player(story()), {.source = Address::local(path("x"))}),
               SocketError);
  EXPECT_FALSE(std::filesystem::exists(path("x")));
}

TEST_P(DatagramKinds, ANewerOnesPathIsLeftAlone) {
  const Address at = Address::local(path("socket"));
  DatagramPort old = reactor_->listen_unix_datagram(at, player(story()));
  std::filesystem::remove(path("socket"));
  DatagramPort newer = reactor_->listen_unix_datagram(at, player(story()));
  old.stop_listening();
  EXPECT_TRUE(std::filesystem::exists(path("socket")));
  newer.stop_listening();
  EXPECT_FALSE(std::filesystem::exists(path("socket")));
}

TEST_P(DatagramKinds, IPv6AloneLeavesThePortToIPv4) {
  DatagramPort six = reactor_->listen_udp({"", 0}, player(story()), {.v6_only = true});
  DatagramPort four = reactor_->listen_udp({"0.0.0.0", six.host().port()}, player(story()));
  EXPECT_EQ(four.host().port(), six.host().port());
  try {
    reactor_->listen_udp({"", six.host().port()}, player(story()));
    ADD_FAILURE() << "both are taken";
  } catch (const SocketError& error) {
    EXPECT_EQ(error.code(), std::errc::address_in_use);
  }
}

TEST_P(DatagramKinds, IPv6AloneIsGivenNoIPv4) {
  const Address four("127.0.0.1", 9);
  DatagramPort six = reactor_->listen_udp({"::1", 0}, player(story()), {.v6_only = true});
  EXPECT_THROW(six.transport()->write("x", four), AddressError);
  EXPECT_THROW(six.transport()->connect(four), AddressError);
  DatagramPort both = reactor_->listen_udp({"::", 0}, player(story()));
  EXPECT_NO_THROW(both.transport()->write("x", four));
}

TEST_P(DatagramKinds, ACountOfRoutersIsInItsRange) {
  DatagramPort port = reactor_->listen_udp({"127.0.0.1", 0}, player(story()));
  EXPECT_THROW(port.transport()->set_multicast_ttl(-1), std::invalid_argument);  // the kernel's own choice
  EXPECT_THROW(port.transport()->set_multicast_ttl(256), std::invalid_argument);
  EXPECT_NO_THROW(port.transport()->set_multicast_ttl(255));
}

TEST_P(DatagramKinds, APartOfADatagramIsNeverDelivered) {
  start({.datagram_bytes = 100});
  Story& server = story();
  DatagramPort port = reactor_->listen_unix_datagram(Address::abstract(path("long")), player(server));
  Socket client = peer(Address::abstract(path("client")), Family::local);
  client.sendto(std::string(101, 'x'), port.host());
  client.sendto(std::string(100, 'y'), port.host());
  ASSERT_TRUE(until([&] { return server.told.size() == 3; }));
  EXPECT_EQ(server.told[1], std::string(100, 'y'));
  EXPECT_EQ(server.told[2].find(concat("recv ", client.getsockname(), ": Message too long")), 0U)
      << server.told[2];
  EXPECT_EQ(port.transport()->dropped(), 1U);
}

// Groups.

TEST_P(DatagramKinds, GroupsAreJoinedAndLeft) {
  const auto loopback = if_nametoindex("lo");
  Story& member = story();
  DatagramPort port = reactor_->listen_udp({"0.0.0.0", 0}, player(member), {.listen_multiple = true});
  const Address group("239.255.77.8", port.host().port());
  Story& speaker = story();
  DatagramPort from = listen(speaker);
  turns(1);
  try {
    port.transport()->join_group(group, loopback);
    from.transport()->set_multicast_interface(loopback);
  } catch (const SocketError& error) {
    GTEST_SKIP() << error.what();
  }
  from.transport()->set_multicast_ttl(0);
  from.transport()->write("to all", group);
  ASSERT_TRUE(until([&] { return member.count("to all") == 1; }));
  // The same port may be had again by those who say so.
  Story& second = story();
  reactor_->listen_udp({"0.0.0.0", group.port()}, player(second), {.listen_multiple = true})
      .transport()
      ->join_group(group, loopback);
  from.transport()->write("to both", group);
  ASSERT_TRUE(until([&] { return member.count("to both") == 1 && second.count("to both") == 1; }));
  from.transport()->set_multicast_loop(false);
  from.transport()->write("to others", group);
  from.transport()->set_multicast_loop(true);
  turns(1);
  port.transport()->leave_group(group, loopback);
  from.transport()->write("without you", group);
  ASSERT_TRUE(until([&] { return second.count("without you") == 1; }));
  EXPECT_EQ(second.told, (Told{"start", "to both", "to others", "without you"}));
  // Nobody has joined it: this socket has left, the other one never came.
  const std::pair<DatagramPort, Address> strangers[] = {{port, group}, {from, Address("239.255.77.9", 1)}};
  for (const auto& [stranger, nobodys] : strangers) {
    try {
      stranger.transport()->leave_group(nobodys, loopback);
      ADD_FAILURE() << "it was let go";
    } catch (const SocketError& error) {
      EXPECT_EQ(error.code(), std::errc::address_not_available) << error.what();
      EXPECT_NE(std::string_view(error.what()).find("not a member"), std::string_view::npos) << error.what();
      EXPECT_NE(std::string_view(error.what()).find(nobodys.host()), std::string_view::npos) << error.what();
    }
  }
  EXPECT_THROW(port.transport()->join_group(Address("::1", 1), loopback), AddressError);
}

TEST_P(DatagramKinds, BroadcastTakesLeave) {
  Story& sender = story();
  DatagramPort port = listen(sender);
  turns(1);
  port.transport()->write("everybody", Address("127.255.255.255", 9));
  turns(2);
  ASSERT_EQ(sender.told.size(), 2U);
  EXPECT_NE(sender.told[1].find("set_broadcast"), std::string::npos) << sender.told[1];
  port.transport()->set_broadcast(true);
  port.transport()->write("everybody", Address("127.255.255.255", 9));
  turns(2);
  EXPECT_EQ(sender.told.size(), 2U);
}

}  // namespace
}  // namespace parley
