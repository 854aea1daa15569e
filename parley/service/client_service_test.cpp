#include "parley/service/client_service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "parley/base/clock.h"
#include "parley/base/print.h"
#include "parley/base/recording_log_fixture.h"
#include "parley/reactor/filter.h"
#include "parley/socket/error.h"
#include "parley/socket/socket.h"

namespace parley {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::SizeIs;
using Told = std::vector<std::string>;

struct Client : Protocol {
  explicit Client(Told& to) : told(to) {}
  void connection_made() override { told.emplace_back("made"); }
  void data_received(std::span<char>) override {}
  void connection_lost(Reason reason) override { told.push_back(concat("lost: ", reason)); }
  Told& told;
};

// A real server, and the service's time by hand: waits of ten minutes take none.
class ClientServiceTest : public testing::Test {
 protected:
  ClientServiceTest() {
    server_.bind({"127.0.0.1", 0});
    at_ = server_.getsockname();
  }
  void listen() {
    server_.listen();
    server_.setblocking(false);
  }
  ClientService& make(ClientServiceSettings settings = {}) {
    settings.backoff.initial = 600s;
    settings.backoff.jitter = 0;
    settings.log = &log_;
    return service_.emplace(
        reactor_, concat("tcp:127.0.0.1:", at_.port()), [this] { return std::make_unique<Client>(told_); },
        std::move(settings));
  }
  // Turns the loop until it holds. The clock stands still.
  template <class Condition>
  bool until(Condition holds) {
    const Time end = system_clock().now() + 20s;
    while (!holds()) {
      if (system_clock().now() > end) return false;
      reactor_.turn(1ms);
    }
    return true;
  }
  std::optional<Socket> accepted() {
    std::optional<Socket> peer;
    until([&] {
      try {
        peer = server_.accept().first;
      } catch (const WouldBlock&) {
      }
      return peer.has_value();
    });
    return peer;
  }
  bool is_told(std::size_t count) {
    return until([&] { return told_.size() >= count; });
  }

  RecordingLog log_;
  ManualClock clock_;
  Reactor reactor_{Reactor::automatic, {.clock = &clock_, .log = &log_}};
  Socket server_{Family::inet};
  Address at_;
  Told told_;
  std::optional<ClientService> service_;
};

TEST_F(ClientServiceTest, KeepsAConnectionWhileItRuns) {
  listen();
  ClientService& service = make();
  service.when_connected([&](TransportId id) {
    told_.emplace_back(id == service.connection() && reactor_.find(id) != nullptr ? "told" : "told wrongly");
  });
  service.start_service();
  std::optional<Socket> peer = accepted();
  ASSERT_TRUE(is_told(2));
  EXPECT_THAT(told_, testing::UnorderedElementsAre("made", "told"));
  service.when_connected([&](TransportId) { told_.emplace_back("told again"); });
  ASSERT_TRUE(is_told(3));
  bool stopped = false;
  service.stop_service([&] { stopped = true; });
  EXPECT_FALSE(stopped);  // not before the connection has gone
  peer.reset();
  ASSERT_TRUE(until([&] { return stopped; }));
  EXPECT_EQ(told_.back(), "lost: closed");
  EXPECT_EQ(service.connection(), TransportId());
}

TEST_F(ClientServiceTest, ConnectsAgainWhenTheConnectionIsLost) {
  listen();
  make().start_service();
  accepted();  // and closed at once
  ASSERT_TRUE(is_told(2));
  EXPECT_EQ(told_[1].substr(0, 5), "lost:");
  until([&] { return service_->connection() == TransportId(); });
  for (int i = 0; i < 20; ++i) reactor_.turn(0s);
  EXPECT_THAT(told_, SizeIs(2));  // it waits
  clock_.advance(600s);
  const std::optional<Socket> peer = accepted();
  ASSERT_TRUE(is_told(3));
  EXPECT_EQ(told_[2], "made");
}

TEST_F(ClientServiceTest, TriesAgainWithWaitsThatGrowUntilOneSucceeds) {
  Told failures;
  ClientServiceSettings settings;
  settings.backoff.factor = 2;
  settings.failed = [&](const SocketError& error) { failures.emplace_back(error.what()); };
  make(std::move(settings)).start_service();
  const auto failed = [&](std::size_t count) { return until([&] { return failures.size() >= count; }); };
  ASSERT_TRUE(failed(1));  // nobody listens
  EXPECT_NE(failures[0].find("Connection refused"), std::string::npos) << failures[0];
  clock_.advance(600s);
  ASSERT_TRUE(failed(2));
  clock_.advance(1199s);
  for (int i = 0; i < 20; ++i) reactor_.turn(0s);
  EXPECT_THAT(failures, SizeIs(2));
  listen();
  clock_.advance(1s);
  accepted();
  ASSERT_TRUE(is_told(2));  // made and lost
  clock_.advance(600s);     // the waits have begun anew
  const std::optional<Socket> peer = accepted();
  ASSERT_TRUE(is_told(3));
  EXPECT_THAT(log_.lines, SizeIs(0));
}

// Lets its application begin when the server has said something.
class Greeting final : public Filter {
 public:
  void connection_made() override {}
  void data_received(std::span<char> lent) override {
    if (application_made()) return Filter::data_received(lent);
    tell_made();
  }
};

TEST_F(ClientServiceTest, IsConnectedWhenTheHandshakeIsOver) {
  listen();
  ClientServiceSettings settings;
  settings.connect.wrap = [](const Address&) { return std::make_unique<Greeting>(); };
  make(std::move(settings)).when_connected([&](TransportId id) {
    told_.emplace_back(id == service_->connection() ? "told" : "told wrongly");
  });
  service_->start_service();
  std::optional<Socket> peer = accepted();
  for (int i = 0; i < 20; ++i) reactor_.turn(0s);
  EXPECT_THAT(told_, SizeIs(0));
  peer->sendall("x");
  ASSERT_TRUE(is_told(2));
  EXPECT_THAT(told_, ElementsAre("made", "told"));
}

// Each attempt reaches a server that ends it before it was a connection.
TEST_F(ClientServiceTest, WaitsLongerWhereEachHandshakeFails) {
  Told failures;
  ClientServiceSettings settings;
  settings.connect.wrap = [](const Address&) { return std::make_unique<Greeting>(); };
  settings.backoff.factor = 2;
  settings.failed = [&](const SocketError& error) { failures.emplace_back(error.what()); };
  listen();
  make(std::move(settings)).start_service();
  const auto failed = [&](std::size_t count) { return until([&] { return failures.size() >= count; }); };
  accepted();
  ASSERT_TRUE(failed(1));
  clock_.advance(600s);
  accepted();
  ASSERT_TRUE(failed(2));
  clock_.advance(1199s);
  for (int i = 0; i < 20; ++i) reactor_.turn(1ms);
  EXPECT_THROW(server_.accept(), WouldBlock);
  clock_.advance(1s);
  accepted();
  ASSERT_TRUE(failed(3));
  EXPECT_THAT(told_, SizeIs(0));
}

TEST_F(ClientServiceTest, GivesUpAfterTheLastRetry) {
  ClientServiceSettings settings;
  settings.backoff.max_retries = 1;
  make(std::move(settings)).start_service();
  ASSERT_TRUE(until([&] { return log_.lines.size() == 1; }));
  clock_.advance(600s);
  ASSERT_TRUE(until([&] { return log_.lines.size() == 3; }));
  EXPECT_EQ(log_.lines[2], concat("tcp:host=127.0.0.1:port=", at_.port(), ": that was the last attempt"));
  EXPECT_TRUE(service_->running());
  bool stopped = false;
  service_->stop_service([&] { stopped = true; });
  EXPECT_TRUE(stopped);
  service_->start_service();  // and all retries again
  ASSERT_TRUE(until([&] { return log_.lines.size() == 4; }));
}

TEST_F(ClientServiceTest, StopsWhileItWaitsOrConnects) {
  make().start_service();
  ASSERT_TRUE(until([&] { return log_.lines.size() == 1; }));
  bool stopped = false;
  service_->stop_service([&] { stopped = true; });
  ASSERT_TRUE(until([&] { return stopped; }));
  stopped = false;
  service_->start_service();
  service_->stop_service([&] { stopped = true; });
  ASSERT_TRUE(until([&] { return stopped; }));
  clock_.advance(3600s);
  for (int i = 0; i < 20; ++i) reactor_.turn(0s);
  EXPECT_THAT(log_.lines, SizeIs(1));  // that it was told to stop is no failure
}

TEST_F(ClientServiceTest, MayBeStoppedOrDestroyedByWhoeverIsTold) {
  ClientServiceSettings settings;
  settings.failed = [&](const SocketError&) {
    told_.emplace_back("failed");
    service_->stop_service([&] { told_.emplace_back("stopped"); });
  };
  make(std::move(settings)).start_service();
  ASSERT_TRUE(is_told(2));
  EXPECT_THAT(told_, ElementsAre("failed", "stopped"));
  settings = {};
  settings.failed = [&](const SocketError&) {
    service_.reset();
    told_.emplace_back("destroyed");
  };
  make(std::move(settings)).start_service();
  ASSERT_TRUE(is_told(3));
  clock_.advance(3600s);
  for (int i = 0; i < 20; ++i) reactor_.turn(0s);
  EXPECT_THAT(told_, SizeIs(3));
}

TEST_F(ClientServiceTest, ThatGoesClosesItsConnection) {
  listen();
  make().start_service();
  std::optional<Socket> peer = accepted();
  ASSERT_TRUE(is_told(1));
  service_.reset();
  ASSERT_TRUE(until([&] {
    peer->setblocking(false);
    try {
      return peer->recv(1).empty();
    } catch (const WouldBlock&) {
      return false;
    }
  }));
  peer.reset();
  ASSERT_TRUE(is_told(2));
  EXPECT_EQ(told_[1], "lost: closed");
}

TEST_F(ClientServiceTest, AReactorThatStopsEndsIt) {
  listen();
  make().start_service();
  const std::optional<Socket> peer = accepted();
  ASSERT_TRUE(is_told(1));
  reactor_.stop(0s);
  reactor_.run();
  EXPECT_THAT(told_, SizeIs(2));
  service_.reset();
}

}  // namespace
}  // namespace parley
