// A reactor that goes without having stopped: what its protocols do as they are destroyed finds nothing.

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

}  // namespace
}  // namespace parley
