#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "parley/reactor/connector.h"
#include "parley/reactor/reconnecting.h"
#include "parley/reactor/resolver.h"
#include "parley/socket/error.h"
#include "tests/conformance/conformance.h"

namespace parley::conformance {

using namespace std::chrono_literals;
using Told = std::vector<std::string>;

// Answers when the test says so.
class ScriptedResolver final : public Resolver {
 public:
  struct Asked {
    Id id;
    std::string host;
    Family family;
    Answered answered;
  };

  explicit ScriptedResolver(std::vector<Asked>& open) : open_(open) {}

  Id look_up(const std::string& host, Family family, Answered answered) override {
    open_.push_back({++last_, host, family, std::move(answered)});
    return last_;
  }
  void cancel(Id id) override {
    std::erase_if(open_, [&](const Asked& asked) { return asked.id == id; });
  }

 private:
  std::vector<Asked>& open_;
  Id last_ = 0;
};

// Notes what it is told, and does as the test says.
class NotingFactory : public ClientFactory {
 public:
  std::unique_ptr<Protocol> build_protocol(const Address& peer) override {
    told.push_back(concat("build ", peer));
    return make ? make() : nullptr;
  }
  void start_factory() override { told.emplace_back("start"); }
  void stop_factory() override { told.emplace_back("stop"); }
  void started_connecting(Connector& connector) override {
    told.emplace_back("connecting");
    if (on_started) on_started(connector);
  }
  void client_connection_failed(Connector& connector, const SocketError& error) override {
    told.emplace_back("failed");
    failure = error.what();
    reason = error.code();
    was_timeout = dynamic_cast<const Timeout*>(&error) != nullptr;
    was_resolving = dynamic_cast<const ResolveError*>(&error) != nullptr;
    if (on_failed) on_failed(connector);
  }
  void client_connection_lost(Connector& connector, Reason why) override {
    told.emplace_back("lost");
    lost = why;
    if (on_lost) on_lost(connector);
  }

  std::function<std::unique_ptr<Protocol>()> make;
  std::function<void(Connector&)> on_started;
  std::function<void(Connector&)> on_failed;
  std::function<void(Connector&)> on_lost;
  Told told;
  std::string failure;
  std::error_code reason;
  bool was_timeout = false;
  bool was_resolving = false;
  std::optional<Reason> lost;
};

// Connections to servers that a test has made, and names that it answers for.
class Connecting : public Conformance {
 protected:
  void SetUp() override {
    Conformance::SetUp();
    factory_->make = [this] { return std::make_unique<Actor>(story_, script_); };
  }
  void TearDown() override {
    factory_->on_started = factory_->on_failed = factory_->on_lost = {};
    Conformance::TearDown();
  }

  Connector connect(const Endpoint& to, ConnectSettings settings = {}) {
    if (!settings.wrap) settings.wrap = filters();
    return reactor().connect_tcp(to, factory_, std::move(settings));
  }
  std::unique_ptr<Server> listener(const char* host = "127.0.0.1") { return outside().server({host, 0}); }
  std::unique_ptr<Server> deaf(const char* host) { return outside().silent({host, 0}); }
  // Two at one port, IPv6 first, which may be deaf; somebody may have the port for one of them.
  std::pair<std::unique_ptr<Server>, std::unique_ptr<Server>> listeners(bool deaf_six = false) {
    for (int attempt = 0; attempt < 20; ++attempt) {
      auto six = deaf_six ? deaf("::1") : listener("::1");
      auto four = outside().server({"127.0.0.1", six->at().port()});
      if (four != nullptr) return {std::move(six), std::move(four)};
    }
    throw std::runtime_error("there is no port for both");
  }
  int free_port() { return outside().free_port(); }
  // The far end of what we have connected.
  Server::Accepted accepted(Server& server) {
    Server::Accepted one;
    EXPECT_TRUE(until([&] {
      one = server.accept();
      return one.peer != nullptr;
    }));
    return one;
  }

  void script_names() { reactor().install_resolver(std::make_unique<ScriptedResolver>(asked_)); }
  void answer(Family family, Resolver::Answer with) {
    const auto found = std::ranges::find(asked_, family, &ScriptedResolver::Asked::family);
    ASSERT_NE(found, asked_.end()) << "it was not asked";
    auto answered = std::move(found->answered);
    asked_.erase(found);
    reactor().post(
        [answered = std::move(answered), with] { answered(with); });  // from the loop, as they come
    settle();
  }

  std::shared_ptr<NotingFactory> factory_ = std::make_shared<NotingFactory>();
  Story& story_ = new_story();
  Script script_;
  std::vector<ScriptedResolver::Asked> asked_;
};

}  // namespace parley::conformance
