#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "parley/base/clock.h"
#include "parley/base/result.h"
#include "parley/reactor/backends/memory.h"
#include "parley/socket/address.h"

// Private to the memory back end: what stands between it and its peers, a kernel in small.
namespace parley::memory {

// Ends the program: somebody has broken a rule that this back end is there to slot.
[[noreturn]] void violated(std::string_view rule);
inline void require(bool kept, std::string_view rule) {
  if (!kept) violated(rule);
}

// Chance from a seed, the same on every machine.
class Chance {
 public:
  explicit Chance(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next();
  bool happens(double probability);
  // From 0 to `bound` - 1; `bound` is not 0.
  std::size_t below(std::size_t bound) { return static_cast<std::size_t>(next() % bound); }

 private:
  std::uint64_t state_;
};

// A connection: what is under way in both directions.
struct Wire {
  Address peer;
  Address host;

  std::string incoming;     // sent by the peer, not read by us
  bool peer_ended = false;  // behind `incoming`
  std::error_code broken;   // what our end will be told
  bool open = true;         // at our end
  bool used = false;        // by a slot
  std::string outgoing;     // the kernel has taken it, the peer has not
  bool our_end = false;     // behind `outgoing`
  std::size_t writes = 0;

  static constexpr std::size_t everything = static_cast<std::size_t>(-1);
  std::size_t window = everything;  // bytes that the peer still reads
  std::string received;
  bool ended = false;
  bool reset = false;

  // Our descriptor is closed: in good order, unless the peer had more to say.
  void close();
  void break_off();
};

class World {
 public:
  using Waiting = std::deque<std::shared_ptr<Wire>>;  // to be accepted

  World(ManualClock& by, std::uint64_t seed, const MemoryFaults& set);

  // Whether something that could happen is to wait for a later turn.
  bool late();
  // How many of `bytes` move at once: at least 1, unless there are none.
  std::size_t some(std::size_t bytes, double short_by);

  // Carries what was sent towards the peers. Answers whether some of it could go on, and waits.
  bool carry();
  // Bytes that the kernel takes for that peer.
  std::size_t room(const Wire& wire) const;

  std::shared_ptr<Wire> make_wire(const Address& to);
  std::shared_ptr<Wire> connect(const Address& to);

  // The address that a listener gets which asks for `wanted`.
  Result<Address> choose(const Address& wanted);
  int add(std::shared_ptr<Wire> wire);
  int add_foreign();
  int add_listener(const Address& at);
  // What stands behind a descriptor. A wrong one ends the program.
  const std::shared_ptr<Wire>& wire(int descriptor);
  Interest& ready(int descriptor);
  Waiting& waiting(int descriptor);
  const Address& listening_at(int descriptor);
  void close(int descriptor);
  std::size_t open_descriptors() const { return open_.size(); }

  ManualClock& clock;
  MemoryFaults faults;
  Chance chance;
  std::uint64_t turns = 0;
  std::size_t failing_accepts = 0;
  std::error_code accept_error;

 private:
  enum class Use { stream, foreign, listener };
  struct Open {
    Use use;
    std::shared_ptr<Wire> wire;
    Interest ready = Interest::none;
    Address at;
    Waiting waiting;
  };

  int put(Open open);
  Open& get(int descriptor, Use use);
  int take_port();

  std::map<int, Open> open_;
  std::vector<std::weak_ptr<Wire>> wires_;
  int next_port_ = 20000;
  std::uint32_t next_number_ = 1;
};

}  // namespace parley::memory
