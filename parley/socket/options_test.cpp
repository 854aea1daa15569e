#include "parley/socket/options.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include "parley/socket/create.h"

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

TEST(Options, HaveTheirTypes) {
  Socket socket;
  EXPECT_FALSE(socket.getsockopt(options::reuse_addr));
  for (const auto* option : {&options::reuse_addr, &options::reuse_port, &options::no_delay,
                             &options::keep_alive, &options::broadcast}) {
    socket.setsockopt(*option, true);
    EXPECT_TRUE(socket.getsockopt(*option));
    socket.setsockopt(*option, false);
    EXPECT_FALSE(socket.getsockopt(*option));
  }
  socket.setsockopt(options::send_buffer, 30'000);
  EXPECT_EQ(socket.getsockopt(options::send_buffer), 60'000);
  socket.setsockopt(options::receive_buffer, 20'000);
  EXPECT_EQ(socket.getsockopt(options::receive_buffer), 40'000);
  EXPECT_EQ(socket.getsockopt(options::linger), std::nullopt);
  socket.setsockopt(options::linger, 5s);
  EXPECT_EQ(socket.getsockopt(options::linger), 5s);
  socket.setsockopt(options::linger, std::nullopt);
  EXPECT_EQ(socket.getsockopt(options::linger), std::nullopt);
  socket.setsockopt(options::keep_idle, 77s);
  EXPECT_EQ(socket.getsockopt(options::keep_idle), 77s);
  socket.setsockopt(options::keep_interval, 7s);
  EXPECT_EQ(socket.getsockopt(options::keep_interval), 7s);
  socket.setsockopt(options::keep_count, 3);
  EXPECT_EQ(socket.getsockopt(options::keep_count), 3);
  socket.setsockopt(options::user_timeout, 1500ms);
  EXPECT_EQ(socket.getsockopt(options::user_timeout), 1500ms);
  EXPECT_EQ(error_of([&] { socket.setsockopt(Option<int>{SOL_SOCKET, 9999}, 1); }),
            "setsockopt option 9999 of level 1: Protocol not available");
  EXPECT_EQ(error_of([&] { (void)socket.getsockopt(Option<int>{SOL_SOCKET, 9999}); }),
            "getsockopt option 9999 of level 1: Protocol not available");
}

TEST(Options, TellWhatASocketIs) {
  const Socket tcp;
  EXPECT_EQ(tcp.getsockopt(options::type), Type::stream);
  EXPECT_EQ(tcp.getsockopt(options::domain), Family::inet);
  EXPECT_EQ(tcp.getsockopt(options::protocol), IPPROTO_TCP);
  const Socket six(Family::inet6, Type::datagram);
  EXPECT_EQ(six.getsockopt(options::type), Type::datagram);
  EXPECT_EQ(six.getsockopt(options::domain), Family::inet6);
  EXPECT_EQ(six.getsockopt(options::protocol), IPPROTO_UDP);
  EXPECT_EQ(socketpair(Family::local, Type::seqpacket).first.getsockopt(options::type), Type::seqpacket);
}

TEST(Options, OfTcp) {
  Socket socket;
  socket.setsockopt(options::congestion, "reno");
  EXPECT_EQ(socket.getsockopt(options::congestion), "reno");
  EXPECT_EQ(error_of([&] { socket.setsockopt(options::congestion, "none of these"); }).substr(0, 10),
            "setsockopt");
  socket.setsockopt(options::not_sent_low_water, 16'384);
  EXPECT_EQ(socket.getsockopt(options::not_sent_low_water), 16'384);
  socket.setsockopt(options::syn_count, 3);
  EXPECT_EQ(socket.getsockopt(options::syn_count), 3);
  socket.setsockopt(options::fin_timeout, 20s);
  EXPECT_EQ(socket.getsockopt(options::fin_timeout), 20s);
  socket.setsockopt(options::priority, 5);
  EXPECT_EQ(socket.getsockopt(options::priority), 5);
  EXPECT_EQ(socket.getsockopt(options::mark), 0);
}

TEST(Options, OfTcpTellHowAConnectionFares) {
  Socket server = create_server({"127.0.0.1", 0});
  EXPECT_EQ(server.getsockopt(options::tcp_info).state, TcpState::listen);
  Socket client;
  EXPECT_EQ(client.getsockopt(options::tcp_info).state, TcpState::closed);
  client.connect(server.getsockname());
  Socket peer = server.accept().first;
  client.sendall("hello");
  EXPECT_EQ(peer.recv(10), "hello");
  const TcpInfo info = client.getsockopt(options::tcp_info);
  EXPECT_EQ(info.state, TcpState::established);
  EXPECT_GT(info.round_trip_time, 0us);
  EXPECT_GE(info.retransmission_timeout, info.round_trip_time);
  EXPECT_GT(info.send_segment_size, 500U);
  EXPECT_GT(info.congestion_window, 0U);
  EXPECT_EQ(info.total_retransmits, 0U);
  peer.close();
  EXPECT_EQ(client.recv(10), "");
  EXPECT_EQ(client.getsockopt(options::tcp_info).state, TcpState::close_wait);
}

TEST(Options, OfTheKernelsOwnTimeouts) {
  auto [socket, peer] = socketpair();
  for (const auto* option : {&options::receive_timeout, &options::send_timeout}) {
    const std::string name = option == &options::receive_timeout ? "receive_timeout" : "send_timeout";
    EXPECT_EQ(socket.getsockopt(*option), std::nullopt);
    socket.setsockopt(*option, 1500ms);
    EXPECT_EQ(socket.getsockopt(*option), 1500ms);
    socket.setsockopt(*option, std::nullopt);
    EXPECT_EQ(socket.getsockopt(*option), std::nullopt);
    EXPECT_EQ(error_of([&] { socket.setsockopt(*option, 0us); }),
              "setsockopt " + name + ": the kernel cannot wait for no time, or less");
    EXPECT_EQ(error_of([&] { socket.setsockopt(*option, -1us); }),
              "setsockopt " + name + ": the kernel cannot wait for no time, or less");
    socket.setsockopt(*option, 20ms);
  }
  EXPECT_THROW(socket.recv(10), Timeout);
  EXPECT_THROW(socket.sendall(std::string(10'000'000, 'x')), Timeout);
  socket.settimeout(0s);
  EXPECT_THROW(socket.recv(10), WouldBlock);
}

// They come with each datagram.
TEST(Options, OfHopsAndTheTypeOfService) {
  Socket four(Family::inet, Type::datagram), six(Family::inet6, Type::datagram);
  four.setsockopt(options::min_ttl, 7);
  EXPECT_EQ(four.getsockopt(options::min_ttl), 7);
  six.setsockopt(options::min_hops, 8);
  EXPECT_EQ(six.getsockopt(options::min_hops), 8);
  const auto told = [](Socket& socket, const char* host, int level) {
    socket.settimeout(10s);
    socket.bind({host, 0});
    socket.sendto("x", socket.getsockname());
    std::vector<std::pair<int, int>> all;
    for (const Ancillary& each : socket.recvmsg(10, 200).ancillary) {
      EXPECT_EQ(each.level, level);
      all.emplace_back(each.type, each.data[0]);
    }
    std::sort(all.begin(), all.end());
    return all;
  };
  four.setsockopt(options::receive_ttl, true);
  four.setsockopt(options::receive_tos, true);
  four.setsockopt(options::ttl, 33);
  four.setsockopt(options::tos, 0x10);
  using Pairs = std::vector<std::pair<int, int>>;
  EXPECT_EQ(told(four, "127.0.0.1", IPPROTO_IP), (Pairs{{IP_TOS, 0x10}, {IP_TTL, 33}}));
  six.setsockopt(options::receive_hops, true);
  six.setsockopt(options::receive_traffic_class, true);
  six.setsockopt(options::unicast_hops, 34);
  six.setsockopt(options::traffic_class, 0x20);
  EXPECT_EQ(told(six, "::1", IPPROTO_IPV6), (Pairs{{IPV6_HOPLIMIT, 34}, {IPV6_TCLASS, 0x20}}));
}

TEST(FlagsTest, FastOpenConnectsAndSends) {
  Socket server = create_server({"127.0.0.1", 0});
  server.settimeout(10s);
  server.setsockopt(options::fast_open, 5);
  for (const std::optional<Duration> timeout : {std::optional<Duration>(), std::optional<Duration>(10s)}) {
    Socket client;
    client.settimeout(timeout);
    EXPECT_EQ(client.sendto("hello", server.getsockname(), flags::fast_open), 5U);
    Socket peer = server.accept().first;
    peer.settimeout(10s);
    EXPECT_EQ(peer.recv(10), "hello");
    peer.sendall("answer");
    EXPECT_EQ(client.recv(10), "answer");
  }
  Address nobody;
  {
    nobody = create_server({"127.0.0.1", 0}).getsockname();
  }
  Socket client;
  client.settimeout(10s);
  EXPECT_THROW(client.sendto("hello", nobody, flags::fast_open), SocketError);
}

TEST(FlagsTest, AreAmongWhatCallsTake) {
  auto [a, b] = socketpair();
  a.sendall("x", flags::no_signal);
  EXPECT_EQ(b.recvmsg(10, 0, flags::close_on_exec).data, "x");
  EXPECT_EQ(flags::no_signal, Flags{MSG_NOSIGNAL});
  EXPECT_EQ(flags::close_on_exec, Flags{MSG_CMSG_CLOEXEC});
  EXPECT_EQ(flags::fast_open, Flags{MSG_FASTOPEN});
}

TEST(Options, ATimeThatTheSystemCannotHoldIsRefused) {
  Socket socket;
  EXPECT_EQ(error_of([&] { socket.setsockopt(options::keep_idle, 5'000'000'000s); }),
            "setsockopt keep_idle: 5000000000 s is out of range (0 to 2147483647 s)");
  EXPECT_EQ(error_of([&] { socket.setsockopt(options::user_timeout, 5'000'000'000ms); }),
            "setsockopt user_timeout: 5000000000 ms is out of range (0 to 2147483647 ms)");
  EXPECT_EQ(error_of([&] { socket.setsockopt(options::linger, 5'000'000'000s); }),
            "setsockopt linger: 5000000000 s is out of range (0 to 2147483647 s)");
  EXPECT_EQ(socket.getsockopt(options::linger), std::nullopt);
}

TEST(Options, AreCalledByTheirNamesInErrors) {
  Socket local(Family::local), closed;
  closed.close();
  EXPECT_EQ(error_of([&] { local.setsockopt(options::no_delay, true); }),
            "setsockopt no_delay: Operation not supported");
  EXPECT_EQ(error_of([&] { (void)local.getsockopt(options::keep_idle); }),
            "getsockopt keep_idle: Operation not supported");
  EXPECT_EQ(error_of([&] { closed.setsockopt(options::reuse_addr, true); }),
            "setsockopt reuse_addr: Bad file descriptor (the socket is closed)");
  EXPECT_EQ(error_of([&] { Socket().setsockopt(options::keep_count, 1000); }),
            "setsockopt keep_count: Invalid argument");
}

TEST(Options, MayBeTheSystemsNumbersAndBytes) {
  Socket socket;
  socket.setsockopt(SOL_SOCKET, SO_KEEPALIVE, 1);
  EXPECT_EQ(socket.getsockopt(SOL_SOCKET, SO_KEEPALIVE), 1);
  const ::linger five{1, 5};
  socket.setsockopt(SOL_SOCKET, SO_LINGER, {reinterpret_cast<const char*>(&five), sizeof five});
  EXPECT_EQ(socket.getsockopt(options::linger), 5s);
  const std::string bytes = socket.getsockopt(SOL_SOCKET, SO_LINGER, 100);
  EXPECT_EQ(bytes, std::string(reinterpret_cast<const char*>(&five), sizeof five));
  EXPECT_EQ(error_of([&] { (void)socket.getsockopt(SOL_SOCKET, 9999, 4); }),
            "getsockopt option 9999 of level 1: Protocol not available");
  EXPECT_EQ(socket.getsockopt(Option<std::string>{IPPROTO_TCP, TCP_CONGESTION}).find('\0'),
            std::string::npos);
  EXPECT_FALSE(socket.getsockopt(Option<std::string>{IPPROTO_TCP, TCP_CONGESTION}).empty());
}

TEST(Options, OfPacketsAndConnections) {
  Socket four(Family::inet, Type::datagram), six(Family::inet6, Type::datagram), tcp;
  const auto sets = [](Socket& socket, const Option<int>& option, int value) {
    socket.setsockopt(option, value);
    EXPECT_EQ(socket.getsockopt(option), value) << option.level << ' ' << option.name;
  };
  sets(four, options::ttl, 33);
  sets(four, options::tos, 0x10);
  sets(four, options::multicast_ttl, 4);
  sets(six, options::unicast_hops, 34);
  sets(six, options::traffic_class, 0x20);
  sets(six, options::multicast_hops, 3);
  sets(tcp, options::receive_low_water, 100);
  sets(tcp, options::max_segment, 1000);
  sets(tcp, options::fast_open, 5);
  const auto turns = [](Socket& socket, const Option<bool>& option) {
    for (const bool value : {true, false}) {
      socket.setsockopt(option, value);
      EXPECT_EQ(socket.getsockopt(option), value) << option.level << ' ' << option.name;
    }
  };
  turns(four, options::packet_info);
  turns(four, options::multicast_loop);
  turns(four, options::timestamp);
  turns(four, options::dont_route);
  turns(six, options::packet_info6);
  turns(six, options::multicast_loop6);
  turns(tcp, options::cork);
  turns(tcp, options::out_of_band_inline);
  tcp.setsockopt(options::defer_accept, 3s);
  EXPECT_GE(tcp.getsockopt(options::defer_accept), 3s);
  tcp.setsockopt(options::quick_ack, false);
  EXPECT_FALSE(tcp.getsockopt(options::quick_ack));
  EXPECT_EQ(tcp.getsockopt(options::bind_to_device), "");
  EXPECT_FALSE(tcp.getsockopt(options::accepts_connections));
  EXPECT_TRUE(create_server({"127.0.0.1", 0}).getsockopt(options::accepts_connections));
  const auto [a, b] = socketpair();
  EXPECT_EQ(a.getsockopt(options::peer_credentials), (Credentials{getpid(), getuid(), getgid()}));
}

}  // namespace
}  // namespace parley
