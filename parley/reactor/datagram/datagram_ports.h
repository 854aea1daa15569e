#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <system_error>
#include <unordered_map>
#include <utility>
#include <vector>

#include "parley/base/limits.h"
#include "parley/reactor/backend.h"
#include "parley/reactor/datagram.h"
#include "parley/reactor/datagram/datagram_queue.h"
#include "parley/reactor/loop/agenda.h"
#include "parley/reactor/loop/calls.h"
#include "parley/reactor/loop/connections.h"
#include "parley/reactor/loop/loop_clock.h"
#include "parley/reactor/loop/registry.h"
#include "parley/reactor/loop/timers.h"

namespace parley {

// A loop's sockets of datagrams. The back end receives and sends for them; the loop asks them, once per turn
// each, to tell, to send and to go on.
class DatagramPorts {
 public:
  DatagramPorts(const Limits& limits, const LoopClock& clock, Agenda& agenda, Calls& calls, Timers& timers,
                Connections& connections);
  ~DatagramPorts();
  DatagramPorts(const DatagramPorts&) = delete;
  DatagramPorts& operator=(const DatagramPorts&) = delete;

  void use(Backend& backend) { backend_ = &backend; }

  // Opens a socket, and connects it where there is a peer. Throws SocketError, AddressError.
  EntryId open(const Address& at, const DatagramOptions& options, const std::optional<Address>& peer,
               std::unique_ptr<DatagramProtocol> protocol);
  DatagramTransport* find(EntryId id) const;

  // What was put off to the next turn.
  struct Due {
    std::vector<EntryId> resuming;  // that go on reading: what was held back while paused is told
    std::vector<EntryId> failing;   // that are to be told errors
  };
  Due take_due() { return std::exchange(due_, {}); }
  void work_off(const Due& due);
  // start_protocol and stop_protocol.
  void settle();
  // Sends what is queued, as far as the kernel takes it.
  void flush();
  bool idle() const { return unsent_.empty(); }

  void stop_all();
  // Gives all sockets back, before the back end goes; calls nobody.
  void close();
  // Drops them all, and calls nobody.
  void clear();

  // After a fork, in the child.
  void register_anew();

  // Backend::Upcalls
  void on_datagrams(DatagramSlot& slot, std::span<Received> lent);
  void on_sent(DatagramSlot& slot, std::size_t count, std::error_code error);
  void on_datagram_error(DatagramSlot& slot, std::error_code error);
  void on_closed(DatagramSlot& slot);

 private:
  class Port;
  using Ids = std::vector<EntryId>;

  // Its storage goes with `on_closed`.
  void keep_until_closed(std::unique_ptr<Port> port);
  template <class Call>
  void each(const Ids& ids, Call call);

  const Limits& limits_;
  const LoopClock& clock_;
  Agenda& agenda_;
  Calls& calls_;
  Timers& timers_;
  Connections& connections_;  // what is written to them in a callback may fill a tape
  Backend* backend_ = nullptr;
  DatagramQueue::Spare spare_;
  Registry<Port> ports_;
  // That have ended, until the back end is done with them.
  std::unordered_map<const DatagramSlot*, std::unique_ptr<Port>> leaving_;
  Due due_;
  Ids starting_;  // to be told start_protocol
  Ids ending_;    // to be told stop_protocol
  Ids unsent_;    // that have something to send
};

}  // namespace parley
