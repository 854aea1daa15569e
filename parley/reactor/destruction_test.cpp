// A reactor that goes without having stopped: what its protocols, and what its calls hold, do as they are
// destroyed finds nothing.

#include <cstddef>
#include <gtest/gtest.h>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "parley/base/clock.h"
#include "parley/reactor/group.h"
#include "parley/reactor/reactor.h"
#include "parley/socket/socket.h"

namespace parley {
namespace {

using namespace std::chrono_literals;

struct World {
  std::optional<Reactor> reactor{std::in_place};
  ListeningPort port;
  Watching watching;
  Timer timer;
  std::vector<Transport*> wires;
  int destroyed = 0;
};

class Careful final : public Protocol {
 public:
  explicit Careful(World& world) : world_(world) {}
  ~Careful() override {
    ++world_.destroyed;
    for (Transport* const wire : world_.wires) {
      wire->write("too late");
      wire->pause_reading();
      wire->resume_reading();
      wire->shutdown_write();
      wire->lose_connection();
      wire->abort_connection();
    }
    world_.watching.change(Interest::both);
    world_.watching.stop();
    world_.port.stop_listening();
    world_.timer.cancel();
    reactor_.post([] {});
  }
  void connection_made() override { world_.wires.push_back(&transport()); }
  void data_received(std::span<char>) override {}

 private:
  World& world_;
  Reactor& reactor_ = *world_.reactor;
};

TEST(ReactorDestruction, AProtocolMayEndWhatItLikesAsItGoes) {
  World world;
  world.port = world.reactor->listen_tcp({"127.0.0.1", 0}, [&] { return std::make_unique<Careful>(world); });
  world.timer = world.reactor->call_later(1h, [] { ADD_FAILURE(); });
  Socket watched(Family::inet, Type::datagram);
  world.watching = world.reactor->watch(watched.fileno(), Interest::read, [](Interest) {});
  std::vector<Socket> clients;
  for (int i = 0; i < 2; ++i) {
    clients.emplace_back(Family::inet, Type::stream).connect(world.port.host());
  }
  while (world.wires.size() < clients.size()) world.reactor->turn(1s);
  world.reactor.reset();
  EXPECT_EQ(world.destroyed, 2);
}

// One that tells a room that it goes, in which somebody lags.
class Leaving final : public Protocol {
 public:
  explicit Leaving(std::shared_ptr<Group> room) : room_(std::move(room)) {}
  ~Leaving() override {
    for (int i = 0; i < 2; ++i) room_->broadcast("somebody has left");
  }
  void connection_made() override { room_->add(transport()); }
  void data_received(std::span<char>) override { room_->broadcast(text_); }

 private:
  std::string text_ = std::string(30'000, 'x');
  std::shared_ptr<Group> room_;
};

TEST(ReactorDestruction, AProtocolMayTellARoomInWhichSomebodyLags) {
  ManualClock clock;
  ReactorSettings settings;
  settings.clock = &clock;
  settings.limits.sendq_bytes = 200'000;
  std::optional<Reactor> reactor(std::in_place, Reactor::automatic, settings);
  auto room = std::make_shared<Group>(*reactor);
  ListenSettings narrow;
  narrow.options.send_buffer = 4096;
  const ListeningPort port =
      reactor->listen_tcp({"127.0.0.1", 0}, [room] { return std::make_unique<Leaving>(room); }, narrow);
  std::vector<Socket> clients;
  for (int i = 0; i < 3; ++i) {
    clients.emplace_back(Family::inet, Type::stream).setsockopt(options::receive_buffer, 4096);
    clients.back().connect(port.host());
  }
  while (reactor->connections() < clients.size()) reactor->turn(1s);
  for (int i = 0; i < 4; ++i) {  // nobody reads, and all lag
    clients[0].sendall("x");
    reactor->turn(1s);
  }
  EXPECT_EQ(reactor->connections(), 3U);
  clock.advance(1s);  // so that the kernel would be asked how they read
  reactor->turn(0s);
  room.reset();  // its members have it
  reactor.reset();
}

// Ends all that there is as it goes, what holds it too.
class Ends {
 public:
  struct All {
    std::vector<Trigger> triggers;
    std::vector<Timer> timers;
    ListeningPort port;
    Watching watching;
    int gone = 0;
  };

  Ends(Reactor& reactor, All& all) : reactor_(reactor), all_(all) {}
  Ends(const Ends&) = delete;
  Ends& operator=(const Ends&) = delete;
  ~Ends() {
    ++all_.gone;
    for (Trigger& trigger : all_.triggers) trigger.remove();
    for (const Timer& timer : all_.timers) Timer(timer).cancel();
    all_.port.stop_listening();
    all_.watching.stop();
    reactor_.post([] {});
  }

 private:
  Reactor& reactor_;
  All& all_;
};

class WhatACallHolds : public testing::Test {
 protected:
  WhatACallHolds() {
    for (const Stopping when : {Stopping::before, Stopping::during, Stopping::after}) {
      for (int i = 0; i < 2; ++i) all.triggers.push_back(reactor->on_stop(when, [] { ADD_FAILURE(); }));
    }
    for (int i = 0; i < 5; ++i) all.timers.push_back(reactor->call_later(1h, [] { ADD_FAILURE(); }));
    all.port = reactor->listen_tcp({"127.0.0.1", 0}, [] { return std::unique_ptr<Protocol>(); });
    all.watching = reactor->watch(watched.fileno(), Interest::read, [](Interest) {});
  }
  auto held() { return std::make_unique<Ends>(*reactor, all); }
  void goes(int holders) {
    reactor.reset();
    EXPECT_EQ(all.gone, holders);
  }

  Socket watched{Family::inet, Type::datagram};
  std::optional<Reactor> reactor{std::in_place};
  Ends::All all;
};

TEST_F(WhatACallHolds, ThatWasToComeAtTheStop) {
  for (const Stopping when : {Stopping::before, Stopping::during, Stopping::after}) {
    for (int i = 0; i < 2; ++i) {
      const std::size_t at = all.triggers.size();
      all.triggers.emplace_back();
      all.triggers[at] = reactor->on_stop(when, [held = held()] {});
    }
  }
  goes(6);
}

// Another trigger, in a reactor that goes.
TEST_F(WhatACallHolds, MayAskToBeToldOfTheStop) {
  struct Asks {
    explicit Asks(Reactor& its, std::unique_ptr<Ends> next) : reactor(its), held(std::move(next)) {}
    Asks(const Asks&) = delete;
    Asks& operator=(const Asks&) = delete;
    ~Asks() {
      reactor.on_stop(Stopping::before, [next = std::move(held)] {});
    }
    Reactor& reactor;
    std::unique_ptr<Ends> held;
  };
  reactor->on_stop(Stopping::after, [asks = std::make_unique<Asks>(*reactor, held())] {});
  goes(1);
}

TEST_F(WhatACallHolds, ThatWasToComeLater) {
  for (int i = 0; i < 3; ++i) all.timers.push_back(reactor->call_later(1h, [held = held()] {}));
  goes(3);
}

TEST_F(WhatACallHolds, ThatWasPosted) {
  for (int i = 0; i < 3; ++i) reactor->post([held = held()] {});
  goes(3);
}

TEST_F(WhatACallHolds, ThatWasToBeToldOfErrors) {
  reactor->on_error([held = held()](const std::exception_ptr&) {});
  goes(1);
}

TEST_F(WhatACallHolds, OfAWatchAndAPortThatHaveJustBeenStopped) {
  Watching watching = reactor->watch(watched.fileno(), Interest::read, [held = held()](Interest) {});
  ListeningPort port =
      reactor->listen_tcp({"127.0.0.1", 0}, [held = held()] { return std::unique_ptr<Protocol>(); });
  watching.stop();
  port.stop_listening();
  goes(2);
}

TEST_F(WhatACallHolds, OfAWatchAndAPort) {
  reactor->watch(watched.fileno(), Interest::read, [held = held()](Interest) {});
  reactor->listen_tcp({"127.0.0.1", 0}, [held = held()] { return std::unique_ptr<Protocol>(); });
  goes(2);
}

}  // namespace
}  // namespace parley
