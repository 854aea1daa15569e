#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "parley/base/clock.h"
#include "parley/reactor/backend.h"
#include "parley/reactor/resolver.h"
#include "parley/socket/address.h"
#include "parley/socket/poller.h"

namespace parley {

namespace memory {
struct FarListener;
struct Mailbox;
struct Wire;
class World;
}  // namespace memory

// How a network behaves. The probabilities go from 0 to 0.9.
struct MemoryFaults {
  double late = 0;          // whatever could happen now waits for another turn
  double pending = 0;       // a write is in the kernel's hands until `on_written`; an offer is not taken
  double together = 0;      // writes that are pending end whole, and `on_all_written` tells of all at once
  double short_write = 0;   // fewer bytes of a write are taken than there is room for
  double short_read = 0;    // fewer bytes are received at once than have come
  double disarm = 0;        // receiving ends after a piece, and has to be started again
  double keep = 0;          // the memory that was received into is not given away
  double drop = 0;          // a reset destroys what has come and was not read
  bool shuffle = false;     // what happens in one turn comes in any order, but for the bytes of a connection
  double lost = 0;          // a datagram, but for a local one; so for the next two
  double doubled = 0;       // it comes twice
  double reordered = 0;     // it changes places with another one that is under way
  double full = 0;          // there is no room for a datagram now
  bool spare = true;        // a descriptor is kept in reserve for `Backend::refuse`
  std::size_t buffers = 4;  // received pieces in one turn, of all connections together, and their size
  std::size_t buffer_bytes = 64 * 1024;
  std::size_t send_bytes = 256 * 1024;  // what the kernel holds for one peer that does not read
  std::size_t datagrams = 256;  // wait in one socket to be received: more are lost, or find no local room
  Duration turn_takes{0};       // how long a turn takes that has something to do

  // Everything as soon and as whole as possible.
  static MemoryFaults calm() { return {}; }
  // Late, short, split, reordered, through small buffers.
  static MemoryFaults rough();
};

// The far end of a connection, for a test to hold. A handle: copies are the same peer. What it does reaches
// the reactor in the next turns. Used from the network's thread.
class MemoryPeer {
 public:
  MemoryPeer() = default;

  // Not after `close`.
  void send(std::string_view bytes);
  // Ends its output; it still reads.
  void close();
  // Breaks the connection: the reactor's end sees `error`.
  void reset(std::error_code error = std::make_error_code(std::errc::connection_reset));
  // Reads that many more bytes, and then no more until it is told to. At first it reads everything.
  void window(std::size_t bytes);
  void read_everything();

  // All that it has read so far; and the same, removed.
  const std::string& received() const;
  std::string take();
  // Whether it has read the end of our output.
  bool ended() const;
  // Whether the connection was broken or refused: by us, or by `reset`.
  bool was_reset() const;
  // Bytes that it has sent and the reactor has not read.
  std::size_t unread() const;
  // Writes that were started for it.
  std::size_t writes() const;
  Address address() const;
  // Whom it is connected to: our end.
  Address peer() const;

 private:
  friend class MemoryListener;
  friend class MemoryNetwork;
  explicit MemoryPeer(std::shared_ptr<memory::Wire> wire) : wire_(std::move(wire)) {}

  std::shared_ptr<memory::Wire> wire_;
};

// A listener outside, which reactors connect to. A handle, as MemoryPeer.
class MemoryListener {
 public:
  MemoryListener() = default;

  Address address() const;
  // Connections that have come and were not accepted yet. They may send at once.
  std::size_t waiting() const;
  // The far end of the first of them, which there must be.
  MemoryPeer accept();
  // Nobody listens there any more; those that wait are reset.
  void close();

 private:
  friend class MemoryNetwork;
  explicit MemoryListener(std::shared_ptr<memory::FarListener> listener) : listener_(std::move(listener)) {}

  std::shared_ptr<memory::FarListener> listener_;
};

// A datagram that has come to a MemoryDatagramPeer.
struct MemoryDatagram {
  std::string bytes;
  Address peer;   // who has sent it
  Address asked;  // where it was sent to; of no family for a local one

  bool operator==(const MemoryDatagram&) const = default;
};

// A socket of datagrams outside. A handle, as MemoryPeer. It receives everything that comes.
class MemoryDatagramPeer {
 public:
  MemoryDatagramPeer() = default;

  // Not after `close`.
  void send_to(std::string_view bytes, const Address& to);
  // All that it has received so far, the first one first; and the same, removed.
  const std::deque<MemoryDatagram>& received() const;
  std::deque<MemoryDatagram> take();
  void join_group(const Address& group);
  // Nobody is there any more.
  void close();
  Address address() const;

 private:
  friend class MemoryNetwork;
  MemoryDatagramPeer(memory::World& world, std::shared_ptr<memory::Mailbox> mailbox)
      : world_(&world), mailbox_(std::move(mailbox)) {}

  memory::World* world_ = nullptr;
  std::shared_ptr<memory::Mailbox> mailbox_;
};

// The world outside a reactor, in memory: peers instead of sockets, a clock that the test turns by hand, and
// faults by chance, the same ones for the same seed. It must outlive the reactors on it.
//
//   ManualClock clock;
//   MemoryNetwork network(clock, seed, MemoryFaults::rough());
//   Reactor reactor(network.backend(), {.clock = &clock});
//
// Its descriptors are numbers of its own. To use a wrong one, or to break a rule of the seam, ends the
// program with a message. Several reactors may stand on one network, and reach each other through it; each is
// a machine of its own where that matters (groups of datagrams). A turn of one that has nothing to do moves
// the clock of all. Used from one thread, that of its reactors.
class MemoryNetwork {
 public:
  explicit MemoryNetwork(ManualClock& clock, std::uint64_t seed = 1, const MemoryFaults& faults = {});
  ~MemoryNetwork();
  MemoryNetwork(const MemoryNetwork&) = delete;
  MemoryNetwork& operator=(const MemoryNetwork&) = delete;

  // Makes the back ends of reactors, which must use this network's clock.
  std::function<std::unique_ptr<Backend>(const BackendSetting&)> backend();

  // Connects to whoever listens there; a peer that was reset when nobody does. It may send at once.
  MemoryPeer connect(const Address& to);
  // The same at 127.0.0.1.
  MemoryPeer connect(int port);
  // A connected stream without a listener: our descriptor, for `Backend::open`, and the far end.
  std::pair<int, MemoryPeer> connected();

  // A listening socket from elsewhere, for `Backend::adopt`. The address must be free.
  int listen(const Address& at);

  // Listens for the reactors that connect, which is refused elsewhere. The address must be free; port 0: one
  // is chosen.
  MemoryListener listen_peer(const Address& at);
  // Whoever connects there waits for ever.
  void silence(const Address& at);

  // A socket of datagrams outside. The address must be free; port 0: one is chosen.
  MemoryDatagramPeer datagram_peer(const Address& at = Address("127.0.0.1", 0));

  // A resolver for one of its reactors, which knows the names it is told here and no others. It must not
  // outlive the reactor.
  std::unique_ptr<Resolver> resolver(Reactor& reactor);
  // From now on the host has these addresses; none: it has no address.
  void name(const std::string& host, std::vector<Address> addresses);

  // The next `count` attempts to accept fail.
  void fail_accepts(std::size_t count,
                    std::error_code error = std::make_error_code(std::errc::too_many_files_open));

  // A foreign descriptor for `Backend::watch`, ready for nothing at first; it is ready until told otherwise.
  int descriptor();
  void set_ready(int descriptor, Interest ready);
  // An open file, for `Backend::start_send_file`.
  int file(std::string contents);
  // Closes a foreign descriptor or a file.
  void close(int descriptor);

  void set_faults(const MemoryFaults& faults);
  // Descriptors that are open on the reactor's side: connections, listeners and foreign ones.
  std::size_t open_descriptors() const;
  // Turns of its back ends so far.
  std::uint64_t turns() const;
  ManualClock& clock();

 private:
  std::unique_ptr<memory::World> world_;
};

}  // namespace parley
