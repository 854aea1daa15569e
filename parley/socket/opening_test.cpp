#include "parley/socket/opening.h"

#include <cerrno>
#include <chrono>
#include <gtest/gtest.h>
#include <poll.h>
#include <string>
#include <sys/socket.h>

#include "parley/socket/create.h"

namespace parley {
namespace {

Opened opened(Result<Opened> result) {
  EXPECT_TRUE(result.ok()) << (result ? "" : result.error().message());
  return result ? *std::move(result) : Opened{};
}

Socket socket_of(Opened& opened) {
  return Socket::adopt(opened.descriptor.release());
}

std::error_code error_of(const Result<Opened>& result) {
  return result ? std::error_code() : result.error();
}

bool answers(const Address& at) {
  return !Socket(at.family()).connect_ex(at);
}

// Of what is asked for, and the rest is left as the kernel has it.
TEST(Opening, WhatIsAcceptedBeginsWithTheOptions) {
  const Opened plain = opened(open_listening({"127.0.0.1", 0}, {}));
  Socket client;
  client.connect(plain.host);
  Socket listener = fromfd(plain.descriptor.get());
  EXPECT_FALSE(listener.getblocking());
  const Socket accepted = listener.accept().first;
  EXPECT_TRUE(accepted.getsockopt(options::no_delay));
  EXPECT_FALSE(accepted.getsockopt(options::keep_alive));

  const Opened other = opened(open_listening(
      {"127.0.0.1", 0},
      {.no_delay = false, .keep_alive = true, .send_buffer = 30'000, .receive_buffer = 20'000}));
  Socket second;
  second.connect(other.host);
  const Socket set = fromfd(other.descriptor.get()).accept().first;
  EXPECT_FALSE(set.getsockopt(options::no_delay));
  EXPECT_TRUE(set.getsockopt(options::keep_alive));
  EXPECT_EQ(set.getsockopt(options::send_buffer), 60'000);
  EXPECT_EQ(set.getsockopt(options::receive_buffer), 40'000);
}

TEST(Opening, HowOftenTheIdleAreProbed) {
  Opened listening = opened(open_listening({"127.0.0.1", 0}, {.keep_alive = true,
                                                              .keep_idle = std::chrono::seconds(120),
                                                              .keep_interval = std::chrono::seconds(15),
                                                              .keep_count = 4}));
  Result<Connecting> begun = start_connecting(
      listening.host, {.keep_alive = true, .keep_idle = std::chrono::seconds(30), .keep_count = 2});
  ASSERT_TRUE(begun.ok());
  const Socket client = socket_of(begun->socket);
  EXPECT_EQ(client.getsockopt(options::keep_idle), std::chrono::seconds(30));
  EXPECT_EQ(client.getsockopt(options::keep_count), 2);
  Socket listener = socket_of(listening);
  listener.setblocking(true);
  const Socket accepted = listener.accept().first;
  EXPECT_TRUE(accepted.getsockopt(options::keep_alive));
  EXPECT_EQ(accepted.getsockopt(options::keep_idle), std::chrono::seconds(120));
  EXPECT_EQ(accepted.getsockopt(options::keep_interval), std::chrono::seconds(15));
  EXPECT_EQ(accepted.getsockopt(options::keep_count), 4);
  for (const std::chrono::seconds odd :
       {std::chrono::seconds(-1), std::chrono::seconds(100'000), std::chrono::seconds::max()}) {
    for (const ListenOptions& options :
         {ListenOptions{.keep_idle = odd}, ListenOptions{.keep_interval = odd}}) {
      const std::error_code error = error_of(open_listening({"127.0.0.1", 0}, options));
      EXPECT_EQ(error, std::errc::invalid_argument);
      EXPECT_EQ(system_code(error).message(), "keep_idle and keep_interval go from 0 to 32767 s");
    }
  }
  EXPECT_EQ(error_of(open_listening({"127.0.0.1", 0}, {.keep_count = 128})).message(),
            "keep_count goes from 0 to 127");
  EXPECT_EQ(error_of(open_listening({"127.0.0.1", 0}, {.send_buffer = -1})), std::errc::invalid_argument);
}

TEST(Opening, UrgentDataComesInLineWhereThatIsAskedFor) {
  for (const bool in_line : {true, false}) {
    Opened listening = opened(open_listening({"127.0.0.1", 0}, {.out_of_band_inline = in_line}));
    Socket client;
    client.connect(listening.host);
    client.sendall("ab");
    client.send("!", flags::out_of_band);
    client.sendall("cd");
    client.shutdown(Shutdown::write);
    Socket listener = socket_of(listening);
    listener.setblocking(true);
    Socket accepted = listener.accept().first;
    std::string all;
    for (std::string some = accepted.recv(100); !some.empty(); some = accepted.recv(100)) all += some;
    EXPECT_EQ(all, in_line ? "ab!cd" : "abcd");
  }
}

TEST(Opening, NoHostIsBothFamiliesUnlessIPv6Alone) {
  ASSERT_TRUE(has_dualstack_ipv6());
  const Opened both = opened(open_listening({"", 0}, {}));
  EXPECT_EQ(both.host.host(), "::");
  EXPECT_TRUE(answers({"127.0.0.1", both.host.port()}));
  EXPECT_TRUE(answers({"::1", both.host.port()}));
  const Opened six = opened(open_listening({"", 0}, {.v6_only = true}));
  EXPECT_FALSE(answers({"127.0.0.1", six.host.port()}));
  EXPECT_TRUE(answers({"::1", six.host.port()}));
}

TEST(Opening, IPv4AndIPv6StandSideBySide) {
  const Opened four = opened(open_listening({"0.0.0.0", 0}, {}));
  const int port = four.host.port();
  const Opened six = opened(open_listening({"::", port}, {.v6_only = true}));
  EXPECT_EQ(six.host.port(), port);
  EXPECT_TRUE(answers({"127.0.0.1", port}));
  EXPECT_TRUE(answers({"::1", port}));

  const Opened one = opened(open_datagram({"", 0}, {.v6_only = true}));
  const Opened two = opened(open_datagram({"0.0.0.0", one.host.port()}, {}));
  EXPECT_EQ(one.host.port(), two.host.port());
}

TEST(Opening, WhatIsInTheWayOfOneFamilyIsNamed) {
  const Opened both = opened(open_listening({"", 0}, {}));
  std::error_code error = error_of(open_listening({"0.0.0.0", both.host.port()}, {}));
  EXPECT_EQ(error, InUse::by_ipv6);
  EXPECT_EQ(error, std::errc::address_in_use);
  EXPECT_EQ(system_code(error), std::error_code(EADDRINUSE, std::system_category()));
  EXPECT_NE(advice_on_opening(error).find("v6_only"), std::string_view::npos);

  const Opened four = opened(open_listening({"127.0.0.1", 0}, {}));
  EXPECT_EQ(error_of(open_listening({"::", four.host.port()}, {})), InUse::by_ipv4);
  EXPECT_EQ(error_of(open_listening({"", four.host.port()}, {})), InUse::by_ipv4);

  // One of the same family is what is in the way, and that another one could stand beside it is no help.
  error = error_of(open_listening(four.host, {}));
  EXPECT_EQ(error.category(), std::system_category());
  EXPECT_EQ(error, std::errc::address_in_use);
  const Opened six = opened(open_listening({"::", 0}, {.v6_only = true}));
  const Opened beside = opened(open_listening({"0.0.0.0", six.host.port()}, {}));
  for (const Address& at : {six.host, beside.host, Address("", six.host.port())}) {
    EXPECT_EQ(error_of(open_listening(at, {})), std::error_code(EADDRINUSE, std::system_category()))
        << at.host();
  }

  const Opened datagrams = opened(open_datagram({"", 0}, {}));
  EXPECT_EQ(error_of(open_datagram({"0.0.0.0", datagrams.host.port()}, {})), InUse::by_ipv6);
  const Opened fours = opened(open_datagram({"0.0.0.0", 0}, {}));
  EXPECT_EQ(error_of(open_datagram({"", fours.host.port()}, {})), InUse::by_ipv4);
}

// Half a service is no service: an IPv6 port that is taken is not answered by listening on IPv4 alone.
TEST(Opening, ATakenIPv6PortIsNotServedByHalf) {
  const Opened six = opened(open_listening({"::", 0}, {.v6_only = true}));
  EXPECT_EQ(error_of(open_listening({"", six.host.port()}, {})), std::errc::address_in_use);
  const Opened datagrams = opened(open_datagram({"::", 0}, {.v6_only = true}));
  EXPECT_EQ(error_of(open_datagram({"", datagrams.host.port()}, {})), std::errc::address_in_use);
}

TEST(Opening, SocketsOfDatagramsHaveTheirOptions) {
  Opened first = opened(open_datagram({"127.0.0.1", 0}, {.reuse_port = true, .broadcast = true}));
  const Opened second = opened(open_datagram(first.host, {.reuse_port = true}));
  const Socket socket = socket_of(first);
  EXPECT_TRUE(socket.getsockopt(options::broadcast));
  EXPECT_FALSE(socket.getsockopt(options::packet_info)) << "it has one address";
  Opened any = opened(open_datagram({"0.0.0.0", 0}, {}));
  EXPECT_TRUE(socket_of(any).getsockopt(options::packet_info));
  Opened both = opened(open_datagram({"", 0}, {}));
  const Socket dual = socket_of(both);
  EXPECT_TRUE(dual.getsockopt(options::packet_info));
  EXPECT_TRUE(dual.getsockopt(options::packet_info6));
  const Opened nameless = opened(open_datagram(Address::local_peer(0), {}));
  EXPECT_EQ(nameless.host.path(), "");
  EXPECT_FALSE(nameless.path);
}

// Connecting.

void wait_until_writable(int descriptor) {
  pollfd one{.fd = descriptor, .events = POLLOUT, .revents = 0};
  ASSERT_EQ(::poll(&one, 1, 10'000), 1);
}

TEST(Opening, AConnectionIsBegunAndHasItsOptions) {
  const Socket server = create_server({"127.0.0.1", 0});
  Result<Connecting> started =
      start_connecting(server.getsockname(), {.source = Address("127.0.0.1", 0), .keep_alive = true});
  ASSERT_TRUE(started);
  wait_until_writable(started->socket.descriptor.get());
  EXPECT_EQ(outcome_of_connecting(started->socket.descriptor.get()), std::error_code());
  const Socket client = socket_of(started->socket);
  EXPECT_EQ(client.getpeername(), server.getsockname());
  EXPECT_TRUE(client.getsockopt(options::no_delay));
  EXPECT_TRUE(client.getsockopt(options::keep_alive));
  EXPECT_FALSE(client.getblocking());

  const auto source = start_connecting(server.getsockname(), {.source = Address("::1", 0)});
  ASSERT_FALSE(source);
  EXPECT_EQ(source.error(), std::errc::address_family_not_supported);
}

TEST(Opening, AConnectionToOneselfIsARefusal) {
  const Address own = create_server({"127.0.0.1", 0}).getsockname();  // nobody listens there any more
  const Result<Connecting> started = start_connecting(own, {.source = own});
  if (started) {
    wait_until_writable(started->socket.descriptor.get());
    EXPECT_EQ(outcome_of_connecting(started->socket.descriptor.get()), std::errc::connection_refused);
  } else {
    EXPECT_EQ(started.error(), std::errc::connection_refused);
  }
}

TEST(Opening, OfBlockingSocketsToo) {
  const Address own = create_server({"127.0.0.1", 0}).getsockname();
  Socket socket;
  socket.setsockopt(options::reuse_addr, true);
  socket.bind(own);
  EXPECT_EQ(socket.connect_ex(own), std::errc::connection_refused);
  const Socket other = create_server({"127.0.0.1", 0});
  EXPECT_EQ(socket.connect_ex(other.getsockname()), std::error_code()) << "it can be used further";
  Socket datagrams(Family::inet, Type::datagram);
  datagrams.bind({"127.0.0.1", 0});
  EXPECT_EQ(datagrams.connect_ex(datagrams.getsockname()), std::error_code()) << "these may be";
}

}  // namespace
}  // namespace parley
