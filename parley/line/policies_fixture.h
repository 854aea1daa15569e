#pragma once

// For tests of policies: a reactor in memory, with a clock that is turned by hand.

#include <functional>
#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "parley/reactor/backends/memory.h"
#include "parley/reactor/filter.h"
#include "parley/reactor/protocol.h"
#include "parley/reactor/reactor.h"

namespace parley {

struct PolicyTest : testing::Test {
  // A protocol that writes down what it is told; what it does is the test's.
  class Application final : public Protocol {
   public:
    explicit Application(PolicyTest& test) : test_(test) {}
    ~Application() override { std::erase(test_.applications, this); }
    using Protocol::transport;

    void connection_made() override {
      test_.events.emplace_back("made");
      if (test_.on_made) test_.on_made(transport());
    }
    void data_received(std::span<char> lent) override {
      EXPECT_TRUE(transport().reading());
      test_.received += lent.size();
      if (test_.on_data) test_.on_data(transport(), {lent.data(), lent.size()});
    }
    bool eof_received() override {
      test_.events.emplace_back("end");
      return test_.stays;
    }
    void pause_writing() override { test_.events.emplace_back("much"); }
    void resume_writing() override { test_.events.emplace_back("little"); }
    void connection_lost(Reason reason) override { test_.events.push_back(concat("lost: ", reason)); }

   private:
    PolicyTest& test_;
  };

  ~PolicyTest() override { end(); }

  // Ends every connection: before what a test's policies refer to goes.
  void end() {
    reactor.stop(std::chrono::seconds(0));
    reactor.run();
  }

  // What makes such protocols.
  std::shared_ptr<Factory> inner() {
    return factory([this] {
      auto made = std::make_unique<Application>(*this);
      applications.push_back(made.get());
      return made;
    });
  }
  // They come at `port`, as a policy lets them: one that is a factory, or one that is a filter.
  void listen(std::shared_ptr<Factory> policy) {
    port = reactor.listen_tcp({"127.0.0.1", 0}, std::move(policy)).host().port();
  }
  void listen(Wrap policy) {
    port = reactor.listen_tcp({"127.0.0.1", 0}, inner(), {.wrap = std::move(policy)}).host().port();
  }
  MemoryPeer connect() {
    MemoryPeer peer = network.connect(port);
    turns();
    return peer;
  }
  void turns(int count = 8) {
    for (int i = 0; i < count; ++i) reactor.turn(Duration::zero());
  }
  // So many steps of time, with the turns that they need.
  void pass(Duration step, int count = 1) {
    for (int i = 0; i < count; ++i) {
      network.clock().advance(step);
      turns();
    }
  }

  ManualClock clock;
  MemoryNetwork network{clock};
  std::vector<std::string> events;
  std::size_t received = 0;
  bool stays = false;
  std::function<void(Transport&)> on_made;
  std::function<void(Transport&, std::string_view)> on_data;
  std::vector<Application*> applications;
  Reactor reactor{network.backend(), ReactorSettings{.clock = &clock}};
  int port = 0;
};

}  // namespace parley
