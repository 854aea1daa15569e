// What the kernel is told of each connection: over sockets, for the network in memory has no such options.

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <optional>
#include <string>
#include <string_view>
#include <sys/socket.h>

#include "chat/server.h"
#include "parley/base/recording_log_fixture.h"
#include "parley/socket/create.h"

namespace chat {
namespace {

using namespace std::chrono_literals;

class ServerOptionsTest : public testing::Test {
 protected:
  // Starts parleyd, and has a client accepted.
  void start() {
    config.listeners[0].endpoint =
        parley::ServerEndpoint{parley::ServerEndpoint::Tcp{.address = {"127.0.0.1", 0}}};
    server.emplace(config, out, log);
    server->listen();
    ASSERT_TRUE(out.close(10s));  // so that all has been written
    const std::string before = "ChatServer started on port ";
    ASSERT_TRUE(written.starts_with(before)) << written;
    client = parley::create_connection({"127.0.0.1", std::stoi(written.substr(before.size()))});
    for (int turns = 0; accepted() < 0 && turns < 1000; ++turns) server->reactor().turn(10ms);
    ASSERT_GE(accepted(), 0);
  }
  void TearDown() override {
    if (!server) return;
    server->shut_down();
    server->shut_down();
    server->run();
  }

  // The server's side of it: a descriptor of this process, too.
  int accepted() const {
    const int most = 1024;
    for (int descriptor = 0; descriptor < most; ++descriptor) {
      sockaddr_in peer{};
      socklen_t size = sizeof peer;
      if (::getpeername(descriptor, reinterpret_cast<sockaddr*>(&peer), &size) != 0) continue;
      if (peer.sin_family == AF_INET && ntohs(peer.sin_port) == client->getsockname().port())
        return descriptor;
    }
    return -1;
  }
  int option(int level, int name) const {
    int value = -1;
    socklen_t size = sizeof value;
    ::getsockopt(accepted(), level, name, &value, &size);
    return value;
  }

  Config config;
  parley::RecordingLog log;
  std::string written;
  AsyncWriter out{[this](std::string_view lines) { return written += lines, lines.size(); }, 1 << 20};
  std::optional<Server> server;
  std::optional<parley::Socket> client;
};

TEST_F(ServerOptionsTest, ByDefaultSilentClientsAreAskedAfterTwoMinutes) {
  start();
  EXPECT_EQ(option(SOL_SOCKET, SO_KEEPALIVE), 1);
  EXPECT_EQ(option(IPPROTO_TCP, TCP_KEEPIDLE), 120);
  EXPECT_EQ(option(IPPROTO_TCP, TCP_KEEPINTVL) * option(IPPROTO_TCP, TCP_KEEPCNT), 60)
      << "and then for a minute";
  EXPECT_EQ(option(SOL_SOCKET, SO_OOBINLINE), 1) << "telnet's Synch";
}

TEST_F(ServerOptionsTest, KeepAliveIsWholeSeconds) {
  config.keep_alive = 1500ms;
  start();
  EXPECT_EQ(option(IPPROTO_TCP, TCP_KEEPIDLE), 2);
}

TEST_F(ServerOptionsTest, TheLongestKeepAlive) {
  config.keep_alive = 32767s;
  start();
  EXPECT_EQ(option(IPPROTO_TCP, TCP_KEEPIDLE), 32767);
}

TEST_F(ServerOptionsTest, WithoutKeepAliveNobodyIsAsked) {
  config.keep_alive = 0s;
  start();
  EXPECT_EQ(option(SOL_SOCKET, SO_KEEPALIVE), 0);
}

TEST_F(ServerOptionsTest, TheSendBufferIsTwiceWhatItSays) {
  config.send_buffer = 30'000;
  start();
  EXPECT_EQ(option(SOL_SOCKET, SO_SNDBUF), 60'000);
}

}  // namespace
}  // namespace chat
