#pragma once

// For tests of datagrams: a protocol that notes what it is told, on a reactor with each of the pollers.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <deque>
#include <filesystem>
#include <functional>
#include <gtest/gtest.h>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "parley/base/print.h"
#include "parley/base/recording_log_fixture.h"
#include "parley/reactor/datagram.h"
#include "parley/reactor/reactor.h"
#include "parley/socket/socket.h"

namespace parley::testing_datagrams {

using namespace std::chrono_literals;

// What a protocol was told, in order, and what it is to do then.
struct Story {
  std::vector<std::string> told;
  std::vector<Address> peers;
  std::function<void(DatagramTransport&)> at_start, at_stop, at_error;
  std::function<void(DatagramTransport&, std::string_view, const Address&)> at_datagram;
  bool inside = false;  // a call
  bool gone = false;

  std::size_t count(std::string_view what) const {
    return static_cast<std::size_t>(std::count(told.begin(), told.end(), what));
  }
};

class Player : public DatagramProtocol {
 public:
  explicit Player(Story& story) : story_(story) {}
  ~Player() override { story_.gone = true; }

 private:
  void start_protocol() override {
    tell("start", [&] {
      if (story_.at_start) story_.at_start(transport());
    });
  }
  void datagram_received(std::span<char> lent, const Address& peer) override {
    const std::string text(lent.data(), lent.size());
    story_.peers.push_back(peer);
    tell(text, [&] {
      if (story_.at_datagram) story_.at_datagram(transport(), text, peer);
    });
    std::fill(lent.begin(), lent.end(), '#');  // it is ours for the call
  }
  void connection_refused() override { error("refused"); }
  void error_received(const SocketError& what) override { error(what.what()); }
  void stop_protocol() override {
    tell("stop", [&] {
      EXPECT_NE(transport().host(), Address());
      transport().write("after the end", Address("127.0.0.1", 9));
      if (story_.at_stop) story_.at_stop(transport());
    });
  }

  void error(const std::string& what) {
    tell(what, [&] {
      if (story_.at_error) story_.at_error(transport());
    });
  }
  void tell(const std::string& what, const std::function<void()>& then) {
    EXPECT_FALSE(story_.inside) << "called from inside a call: " << what;
    EXPECT_EQ(story_.count("stop"), 0U) << "after the end: " << what;
    story_.inside = true;
    struct Leave {
      Story& story;
      ~Leave() { story.inside = false; }
    } const leave{story_};
    story_.told.push_back(what);
    then();
  }

  Story& story_;
};

using Told = std::vector<std::string>;

class Datagrams : public testing::TestWithParam<Reactor::Kind> {
 protected:
  Datagrams() { start({}); }
  ~Datagrams() override {
    for (const Story& story : stories_) EXPECT_TRUE(reactor_ == nullptr || !story.inside);
  }

  void start(const Limits& limits) {
    reactor_.reset();
    reactor_ = std::make_unique<Reactor>(GetParam(), ReactorSettings{.limits = limits, .log = &log_});
  }
  Story& story() { return stories_.emplace_back(); }
  static std::unique_ptr<Player> player(Story& story) { return std::make_unique<Player>(story); }
  DatagramPort listen(Story& story, const Address& at = Address("127.0.0.1", 0)) {
    return reactor_->listen_udp(at, player(story));
  }
  static Story& echo(Story& story) {
    story.at_datagram = [](DatagramTransport& transport, std::string_view text, const Address& peer) {
      transport.write(text, peer);
    };
    return story;
  }
  // Turns until it is so.
  bool until(const std::function<bool()>& so) {
    const auto end = std::chrono::steady_clock::now() + 20s;
    while (!so()) {
      if (std::chrono::steady_clock::now() > end) return false;
      reactor_->turn(20ms);
    }
    return true;
  }
  void turns(int count) {
    for (int i = 0; i < count; ++i) reactor_->turn(0ms);
  }
  static Socket peer(const Address& at = Address("127.0.0.1", 0), Family family = Family::inet) {
    Socket socket(family, Type::datagram);
    socket.settimeout(10s);
    socket.bind(at);
    return socket;
  }
  // A path that goes with the test.
  std::string path(std::string_view name) {
    if (folder_.empty()) {
      const auto room =
          std::filesystem::temp_directory_path() / concat("parley_datagram_", std::random_device()());
      EXPECT_TRUE(std::filesystem::create_directory(room));
      folder_ = room.string();
    }
    return folder_ + "/" + std::string(name);
  }
  void TearDown() override {
    reactor_.reset();
    if (!folder_.empty()) std::filesystem::remove_all(folder_);
  }

  RecordingLog log_;
  std::deque<Story> stories_;
  std::unique_ptr<Reactor> reactor_;
  std::string folder_;
};

#define PARLEY_DATAGRAMS(Suite)                                                                            \
  INSTANTIATE_TEST_SUITE_P(                                                                                \
      Over, Suite, testing::Values(Reactor::epoll, Reactor::poll, Reactor::select), [](const auto& kind) { \
        return kind.param == Reactor::epoll ? "epoll" : kind.param == Reactor::poll ? "poll" : "select";   \
      })

}  // namespace parley::testing_datagrams
