#include "parley/socket/options.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string>
#include <sys/socket.h>
#include <unistd.h>

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
