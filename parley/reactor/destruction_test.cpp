// A reactor that goes without having stopped: what its protocols do as they are destroyed finds nothing.

#include <gtest/gtest.h>
#include <memory>
#include <optional>
#include <vector>

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

}  // namespace
}  // namespace parley
