#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "parley/base/clock.h"
#include "parley/base/result.h"
#include "parley/reactor/backends/memory.h"
#include "parley/socket/address.h"

// Private to the memory back end: what stands between it and its peers, a kernel in small.
namespace parley::memory {

// Ends the program: somebody has broken a rule that this back end is there to watch.
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

// A connection, seen from a reactor's end: what is under way in both directions. Its far end is a test's, or
// another such wire: then the two are a pair, and the world carries from one to the other.
struct Wire {
  Address peer;
  Address host;

  std::string incoming;     // sent by the peer, not read by us
  bool peer_ended = false;  // behind `incoming`
  std::error_code broken;   // what our end will be told
  bool destroyed = false;   // it has been decided what breaking did to `incoming`
  bool open = true;         // at our end
  bool used = false;        // by a slot
  std::string outgoing;     // the kernel has taken it, the peer has not
  bool our_end = false;     // behind `outgoing`
  std::size_t writes = 0;
  std::size_t send_buffer = 0;  // what the kernel holds for the peer; 0: as much as the faults say
  bool no_delay = false;
  bool keep_alive = false;

  // What our end was opened with.
  template <class Options>
  void set(const Options& options) {
    send_buffer = static_cast<std::size_t>(options.send_buffer > 0 ? options.send_buffer : 0);
    no_delay = options.no_delay;
    keep_alive = options.keep_alive;
  }

  static constexpr std::size_t everything = static_cast<std::size_t>(-1);
  std::size_t window = everything;  // bytes that the peer still reads
  std::string received;
  bool ended = false;
  bool reset = false;

  // Our descriptor is closed: in good order, unless the peer had more to say.
  void close();
  void break_off();
  // The far end is gone.
  void lose(std::error_code error);
};

// A listener of the test.
struct FarListener {
  Address at;
  bool open = true;
  std::deque<std::shared_ptr<Wire>> waiting{};
};

// Where somebody listens.
struct Place {
  Address at;                     // no host, or [::]: every address
  bool v6_only = false;           // not every one of IPv4
  const void* machine = nullptr;  // the back end that it belongs to; null: the test's
};

// A socket of datagrams: of a slot, or of the test.
struct Mailbox {
  Address at;                     // no host: every address
  bool v6_only = false;           // of one at every address
  Family family{};                // unspecified: inet and inet6
  Address peer{};                 // where it is connected
  const void* machine = nullptr;  // the back end that it belongs to; null: the test's
  bool reuse_port = false;
  bool listen_multiple = false;
  bool loops = true;  // what it sends to a group comes back to its own machine
  bool broadcasts = false;
  std::set<std::pair<Address, std::uint32_t>> groups{};  // and by which interface
  std::deque<MemoryDatagram> queue{};                    // not received yet
  std::error_code error{};  // what the network has told of a datagram sent earlier
  bool open = true;

  bool connected() const { return peer.family() != Family::unspecified; }
  bool every_host() const;
  // Whether it is the one that a datagram is for; a group or everybody apart.
  bool is_at(const Address& address) const;
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
  // A peer of the test connects.
  std::shared_ptr<Wire> connect(const Address& to);
  // A reactor's end arrives where it wants to be connected; `wire.peer` says where. A listener of a reactor
  // gets the other end of a pair.
  std::error_code arrive(const std::shared_ptr<Wire>& wire);
  std::shared_ptr<FarListener> listen_far(const Address& at);

  // The address that a listener gets which asks for `wanted.at`.
  Result<Address> choose(const Place& wanted);
  int add(std::shared_ptr<Wire> wire);
  int add_foreign();
  int add_listener(const Place& place);
  int add_file(std::string contents);
  int add_mailbox(std::shared_ptr<Mailbox> mailbox);
  // What stands behind a descriptor. A wrong one ends the program.
  const std::shared_ptr<Wire>& wire(int descriptor);
  Interest& ready(int descriptor);
  Waiting& waiting(int descriptor);
  const Address& listening_at(int descriptor);
  const std::string& file(int descriptor);
  void close(int descriptor);
  std::size_t open_descriptors() const;
  int take_port();

  // Datagrams.

  // Opens a socket where `mailbox.at` says.
  Result<std::shared_ptr<Mailbox>> open_mailbox(Mailbox mailbox);
  void close_mailbox(const std::shared_ptr<Mailbox>& mailbox);
  std::error_code connect(Mailbox& mailbox, const Address& peer);
  // Puts a datagram on its way; `from` as in Outgoing.
  std::error_code post(Mailbox& sender, std::string_view bytes, const Address* to, const Address* from);
  // Whether a local peer that it is connected to has no room for more.
  bool crowded(const Mailbox& sender) const;

  ManualClock& clock;
  MemoryFaults faults;
  Chance chance;
  std::uint64_t turns = 0;
  std::size_t failing_accepts = 0;
  std::error_code accept_error;
  std::set<Address> silent;  // whoever connects there hears nothing
  std::map<std::string, std::vector<Address>> names;

 private:
  enum class Use { stream, foreign, listener, file, datagrams };
  struct Open {
    Use use;
    std::shared_ptr<Wire> wire{};
    Interest ready = Interest::none;
    Address at{};
    bool v6_only = false;
    const void* machine = nullptr;
    Waiting waiting{};
    std::string contents{};
    std::shared_ptr<Mailbox> mailbox{};
  };
  // On its way.
  struct Letter {
    std::weak_ptr<Mailbox> sender;
    MemoryDatagram datagram;
  };

  int put(Open open);
  Open& get(int descriptor, Use use);
  Open* listener_at(const Address& to);
  bool carry_out(Wire& wire);
  bool carry_across(Wire& from, Wire& to);
  bool carry_datagrams();
  void deliver(const Letter& letter);
  bool full(const Mailbox& mailbox) const;
  void accept(Mailbox& mailbox, const MemoryDatagram& datagram);
  std::shared_ptr<Mailbox> mailbox_for(const Address& to, const Address& from) const;

  std::map<int, Open> open_;
  std::vector<std::weak_ptr<Wire>> wires_;
  std::vector<std::pair<std::shared_ptr<Wire>, std::shared_ptr<Wire>>> pairs_;
  std::vector<std::shared_ptr<FarListener>> far_listeners_;
  std::vector<std::shared_ptr<Mailbox>> mailboxes_;
  std::deque<Letter> letters_;
  int next_port_ = 20000;
  std::uint32_t next_number_ = 1;
};

// Whether somebody at `at` hears what is sent to `to`: the same place, or every host at its port.
bool covers(const Address& at, bool v6_only, const Address& to);
// Whether that is every host; and the family of what comes there: unspecified where it is both.
bool is_every_host(const Address& at);
Family family_of(const Address& at, bool v6_only);
// What is to be said of an address that is in use.
std::error_code in_use(Family wanted, Family there);
// Whether it is that of a group of datagrams' receivers.
bool is_group(const Address& address);

}  // namespace parley::memory
