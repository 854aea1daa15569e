#include "parley/socket/create.h"

#include <gtest/gtest.h>
#include <string>
#include <unistd.h>

#include "parley/socket/resolve.h"

namespace parley {
namespace {

using namespace std::chrono_literals;

std::string error_of(auto&& call) {
  try {
    call();
  } catch (const std::exception& error) {
    return error.what();
  }
  return "no error";
}

TEST(CreateServer, ListensOnIPv4WhereNothingElseIsSaid) {
  Socket server = create_server({"", 0});
  EXPECT_EQ(server.getsockname().host(), "0.0.0.0");
  EXPECT_TRUE(server.getsockopt(options::reuse_addr));
  EXPECT_FALSE(server.getsockopt(options::reuse_port));
  const Socket client = create_connection({"127.0.0.1", server.getsockname().port()});
  EXPECT_EQ(server.accept().second, client.getsockname());
}

TEST(CreateServer, ADualStackOneTakesBothAndPrintsIPv4AsSuch) {
  ASSERT_TRUE(has_ipv6());
  ASSERT_TRUE(has_dualstack_ipv6());
  Socket server = create_server({"", 0}, {.dualstack_ipv6 = true});
  const int port = server.getsockname().port();
  const Socket four = create_connection({"127.0.0.1", port});
  EXPECT_EQ(concat(server.accept().second), concat("127.0.0.1:", four.getsockname().port()));
  const Socket six = create_connection({"::1", port});
  EXPECT_EQ(concat(server.accept().second), concat("[::1]:", six.getsockname().port()));
}

TEST(CreateServer, AnIPv6OneTakesIPv6AloneUnlessItIsDualStack) {
  Socket server = create_server({"::", 0});
  EXPECT_TRUE(server.getsockopt(options::v6_only));
  const int port = server.getsockname().port();
  EXPECT_EQ(Socket().connect_ex({"127.0.0.1", port}), std::errc::connection_refused);
  EXPECT_EQ(Socket(Family::inet6).connect_ex({"::1", port}), std::error_code());
  EXPECT_FALSE(create_server({"::", 0}, {.dualstack_ipv6 = true}).getsockopt(options::v6_only));
}

TEST(CreateServer, BothFamiliesShareAPortAndTheHintSaysWhatIsInTheWay) {
  const Socket four = create_server({"0.0.0.0", 0});
  const int port = four.getsockname().port();
  EXPECT_EQ(error_of([&] { create_server({"::", port}, {.dualstack_ipv6 = true}); }),
            concat("bind [::]:", port,
                   ": Address already in use (IPv4 has the port; v6_only listens beside it, on IPv6 alone)"));
  const Socket six = create_server({"::", port});
  EXPECT_EQ(six.getsockname().port(), port);
  const Socket both = create_server({"", 0}, {.dualstack_ipv6 = true});
  EXPECT_EQ(
      error_of([&] { create_server({"", both.getsockname().port()}); }),
      concat("bind 0.0.0.0:", both.getsockname().port(),
             ": Address already in use (an IPv6 socket that takes IPv4 too has the port; with v6_only it "
             "leaves IPv4 alone)"));
}

TEST(CreateServer, OnlyIPv6CanBeDualStack) {
  EXPECT_EQ(error_of([] { create_server({"127.0.0.1", 0}, {.dualstack_ipv6 = true}); }),
            "127.0.0.1:0 cannot be dual-stack: only any address and IPv6 ones can");
  EXPECT_THROW(create_server(Address::local("/x"), {.dualstack_ipv6 = true}), AddressError);
}

TEST(CreateServer, SeveralMayShareAPortWhenAllSaySo) {
  const Socket first = create_server({"127.0.0.1", 0}, {.reuse_port = true});
  const Socket second = create_server(first.getsockname(), {.reuse_port = true});
  EXPECT_EQ(first.getsockname(), second.getsockname());
  EXPECT_EQ(error_of([&] { create_server(first.getsockname()); }),
            concat("bind ", first.getsockname(), ": Address already in use"));
}

TEST(CreateServer, ThePortCanBeTakenAgainAtOnce) {
  // An address that nobody connects from: another program could be given the port meanwhile.
  Socket server = create_server({"127.0.42.1", 0});
  const Address address = server.getsockname();
  Socket client = create_connection(address);
  {
    Socket peer = server.accept().first;
    peer.close();  // first: so that the connection lingers on the server's port
    EXPECT_EQ(client.recv(1), "");
  }
  client.close();
  server.close();
  EXPECT_EQ(create_server(address).getsockname(), address);
}

TEST(CreateConnection, TriesEveryAddress) {
  ASSERT_EQ(resolve({"", 80}).size(), 2U);  // this machine, by IPv6 and by IPv4
  const Socket four = create_server({"127.0.0.1", 0});
  const Socket six = create_server({"::1", 0});
  for (const Socket* server : {&four, &six}) {
    const Socket client = create_connection({"", server->getsockname().port()}, 5s);
    EXPECT_EQ(client.getpeername(), server->getsockname());
    EXPECT_EQ(client.gettimeout(), 5s);
  }
}

TEST(CreateConnection, TellsWhatEachAddressSaid) {
  Socket silent;
  silent.bind({"127.0.0.1", 0});
  const int port = silent.getsockname().port();
  EXPECT_EQ(error_of([&] { create_connection({"127.0.0.1", port}); }),
            concat("connect 127.0.0.1:", port, ": Connection refused"));
  const std::string error = error_of([&] { create_connection({"", port}); });
  EXPECT_TRUE(error.starts_with(concat("connect *:", port, ": Connection refused (tried ["))) << error;
  EXPECT_NE(error.find(concat("[::1]:", port, ": Connection refused")), std::string::npos) << error;
  EXPECT_NE(error.find(concat("127.0.0.1:", port, ": Connection refused")), std::string::npos) << error;
}

TEST(CreateConnection, ConnectsFromTheGivenAddress) {
  Socket server = create_server({"127.0.0.1", 0});
  const Socket client = create_connection(server.getsockname(), std::nullopt, Address("127.0.0.2", 0));
  EXPECT_EQ(server.accept().second.host(), "127.0.0.2");
}

TEST(CreateConnection, ReachesLocalServersToo) {
  Socket server = create_server(Address::abstract(concat("parley-create-", getpid())));
  const Socket client = create_connection(server.getsockname());
  EXPECT_EQ(client.family(), Family::local);
  EXPECT_EQ(server.accept().second, Address::local_peer(0));
}

TEST(Socketpair, IsConnected) {
  for (const Type type : {Type::stream, Type::datagram, Type::seqpacket}) {
    auto [a, b] = socketpair(Family::local, type);
    a.send("one");
    a.send("two");
    EXPECT_EQ(b.recv(100), type == Type::stream ? "onetwo" : "one");
  }
  EXPECT_THROW(socketpair(Family::inet, Type::stream), SocketError);
}

TEST(CreateServer, ListensAtALocalAddressToo) {
  Socket server = create_server(Address::abstract(concat("parley-test-create-", getpid())));
  EXPECT_EQ(server.family(), Family::local);
  const Socket client = create_connection(server.getsockname());
  EXPECT_EQ(client.family(), Family::local);
  server.accept();
}

TEST(CreateConnection, TellsEachFailureWhereAllAreAskedFor) {
  Socket silent;  // bound, and not listening: its port refuses
  silent.bind({"127.0.0.1", 0});
  const Address nobody = silent.getsockname();
  try {
    create_connection(nobody, std::nullopt, std::nullopt, true);
    FAIL() << "somebody answered";
  } catch (const ConnectionErrors& errors) {
    ASSERT_EQ(errors.attempts().size(), 1U);
    EXPECT_EQ(errors.attempts()[0].address, nobody);
    EXPECT_EQ(errors.attempts()[0].reason, std::errc::connection_refused);
    EXPECT_EQ(errors.code(), std::errc::connection_refused);
  }
  const Endpoint both("localhost", nobody.port());
  const std::vector<Address> tried = resolve(both);
  try {
    create_connection(both, std::nullopt, std::nullopt, true);
    FAIL() << "somebody answered";
  } catch (const ConnectionErrors& errors) {
    ASSERT_EQ(errors.attempts().size(), tried.size());
    for (std::size_t i = 0; i < tried.size(); ++i) EXPECT_EQ(errors.attempts()[i].address, tried[i]);
  }
}

TEST(CreateConnection, ASourceOfOneFamilyLeavesOutTheAddressesOfOthers) {
  Socket server = create_server({"127.0.0.1", 0});
  const Address here = server.getsockname(), source("127.0.0.2", 0), other("::1", 0);
  EXPECT_EQ(create_connection(here, 10s, source).getsockname().host(), "127.0.0.2");
  EXPECT_THROW(create_connection(here, 10s, other), AddressError);
  EXPECT_THROW(create_connection(here, 10s, other, true), ConnectionErrors);  // and so the next was tried
  // Also where an IPv6 socket could be bound to it.
  EXPECT_EQ(error_of([&] { create_connection({"::1", here.port()}, 10s, source); }),
            concat("127.0.0.2:0 is an address of family inet, the one to reach, [::1]:", here.port(),
                   ", is of family inet6"));
}

}  // namespace
}  // namespace parley
