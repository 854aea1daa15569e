#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "parley/reactor/backend.h"
#include "parley/reactor/backends/memory_world.h"

namespace parley::memory {

// The back end on a network in memory, in the manner of completions: it has things done, and hears later what
// became of them. It watches whoever calls it, and ends the program when a rule of the seam is broken.
class MemoryBackend final : public Backend {
 public:
  MemoryBackend(const BackendSetting& setting, World& world);
  ~MemoryBackend() override;

  void open(Channel& channel, int descriptor) override;
  void discard(int descriptor) noexcept override;
  void set_reading(Channel& channel, bool on) override;
  Written start_write(Channel& channel, std::span<const std::string_view> pieces) override;
  void shutdown_write(Channel& channel) override;
  void close(Channel& channel, bool reset) override;
  void detach(Channel& channel) override;
  Address host(const Channel& channel) const override;

  Result<Address> listen(Door& door, const Address& address, const ListenOptions& options) override;
  Result<Address> adopt_door(Door& door, int descriptor) override;
  void set_accepting(Door& door, bool on) override;
  bool refuse(Door& door, std::string_view words) override;
  void unlisten(Door& door) override;

  void watch(Watch& watch, int descriptor, Interest wanted) override;
  void rewatch(Watch& watch, Interest wanted) override;
  void unwatch(Watch& watch) override;

  void gate() override;
  void turn(std::optional<Time> deadline) override;
  void wake() noexcept override;

 private:
  // A receive that has been completed.
  struct Received {
    std::string bytes;
    bool end = false;
  };
  enum class Write {
    none,
    pending,  // its bytes are pinned
    full,     // it was not taken whole: to be told when there is room
  };
  struct Link {
    Channel* channel;
    int descriptor;
    std::shared_ptr<Wire> wire;
    bool reading = false;  // wanted
    bool armed = false;    // the kernel receives
    bool ended = false;
    bool failed = false;
    bool shut = false;
    bool closing = false;
    bool resetting = false;
    bool detaching = false;
    std::size_t taken_in = 0;  // bytes in this turn
    std::deque<Received> at_hand{};
    Write write = Write::none;
    std::vector<std::string_view> pinned{};
    std::string copy{};  // of what is pinned

    bool leaving() const { return closing || detaching; }
  };
  struct Port {
    Door* door;
    int descriptor;
    bool accepting = false;
  };
  struct Seen {
    Watch* watch;
    int descriptor;
    Interest wanted;
  };
  // What is told in a turn.
  struct Event {
    enum Kind { received, failed, written, finished, accepted, ready } kind;
    std::uint32_t serial;
  };

  Link& used(const Channel& channel);
  const Link& known(const Channel& channel) const;
  Port& used(const Door& door);
  Seen& used(const Watch& watch);
  void check_storage() const;

  // What can be told in this turn goes into `events_`. Each answers whether something is left that could
  // happen without anybody's doing.
  bool collect();
  bool collect_received();
  bool collect_others();
  bool receive(std::uint32_t serial, Link& link, std::size_t most);
  void wait(std::optional<Time> deadline);
  void tell(const Event& event);
  void tell_received(Link& link);
  void tell_accepted(Port& port);
  bool can_complete(const Link& link) const;
  void complete(Link& link);
  void finish(std::uint32_t serial);

  Upcalls& up_;
  const Limits& limits_;
  World& world_;
  // By serial numbers, which stand in the storage as `state`: in an order that a seed repeats.
  std::map<std::uint32_t, Link> links_;
  std::map<std::uint32_t, Port> ports_;
  std::map<std::uint32_t, Seen> seen_;
  std::map<const Channel*, std::uint32_t> storage_;
  std::uint32_t last_serial_ = 0;
  std::uint32_t first_served_ = 0;
  std::vector<Event> events_;
  bool in_turn_ = false;
  bool in_gate_ = false;

  std::mutex mutex_;  // of what follows: `wake` comes from other threads
  std::condition_variable woken_up_;
  bool woken_ = false;
};

}  // namespace parley::memory
