#pragma once

// For tests of the server: parleyd on a network in memory, with a clock that is turned by hand.

#include <chrono>
#include <gtest/gtest.h>
#include <optional>
#include <string>
#include <string_view>

#include "chat/server.h"
#include "parley/base/print.h"
#include "parley/base/recording_log_fixture.h"
#include "parley/reactor/backends/memory.h"

namespace chat {

using namespace std::chrono_literals;

inline const std::string greeting = "You're connected to the Parley chatserver\r\n";
inline const std::string goodbye = "Server is shutting down\r\n";

// parleyd on a network in memory.
class ServerTest : public testing::Test {
 protected:
  explicit ServerTest(std::uint64_t seed = 1, const parley::MemoryFaults& faults = {})
      : network(clock, seed, faults) {}

  void TearDown() override { stop(); }

  void start(const Config& config = {}) {
    server.emplace(config, out, log, network.backend(), clock);
    server->listen();
  }
  void stop() {
    if (!server) return;
    server->shut_down();
    server->shut_down();
    server->run();
    server.reset();
    EXPECT_TRUE(out.close(10s));
  }
  void turns(int count = 6) {
    for (int i = 0; i < count; ++i) server->reactor().turn(0s);
  }
  parley::MemoryPeer join() {
    parley::MemoryPeer peer = network.connect(2626);
    turns();
    return peer;
  }
  static std::string name(const parley::MemoryPeer& peer) { return parley::concat(peer.address()); }
  static std::string joined(const parley::MemoryPeer& peer) {
    return parley::concat("Client joined ", name(peer), "\r\n");
  }
  static std::string left(const parley::MemoryPeer& peer) {
    return parley::concat("Client left ", name(peer), "\r\n");
  }
  static std::string says(const parley::MemoryPeer& peer, const std::string& text) {
    return parley::concat("[", name(peer), "] ", text, "\r\n");
  }

  parley::ManualClock clock;
  parley::MemoryNetwork network;
  parley::RecordingLog log;
  std::string written;
  AsyncWriter out{[this](std::string_view lines) { return written += lines, lines.size(); }, 1 << 20};
  std::optional<Server> server;
};

}  // namespace chat
