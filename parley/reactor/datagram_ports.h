#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "parley/base/limits.h"
#include "parley/reactor/datagram.h"
#include "parley/socket/bound_path.h"
#include "parley/socket/datagrams.h"
#include "parley/socket/interest.h"
#include "parley/socket/socket.h"

namespace parley {

class Loop;

// A loop's sockets of datagrams. They stand on watched descriptors; the loop asks them, once per turn each,
// to tell, to send and to go on.
class DatagramPorts {
 public:
  DatagramPorts(Loop& loop, const Limits& limits);
  ~DatagramPorts();
  DatagramPorts(const DatagramPorts&) = delete;
  DatagramPorts& operator=(const DatagramPorts&) = delete;

  // Takes over a bound or connected socket, which does not block. `path` is what it is bound to, or
  // none.
  std::uint64_t open(Socket socket, const Address& peer, BoundPath path,
                     std::unique_ptr<DatagramProtocol> protocol);
  DatagramTransport* find(std::uint64_t id) const;

  // In a turn's beginning: what was held back while paused, and what could not be sent, is told.
  void prepare();
  // Whether that has something to do.
  bool waiting() const { return !resuming_.empty() || !failing_.empty(); }
  // start_protocol and stop_protocol.
  void settle();
  bool unsettled() const { return !starting_.empty() || !ending_.empty(); }
  // Sends what is queued, as far as the kernel takes it.
  void flush();
  bool idle() const { return unsent_.empty(); }

  void stop_all();
  // Drops them all, and calls nobody.
  void clear();

 private:
  class Port;
  using Ids = std::vector<std::uint64_t>;

  template <class Call>
  void each(Ids& ids, Call call);
  DatagramInbox& inbox();

  Loop& loop_;
  const Limits& limits_;
  std::unordered_map<std::uint64_t, std::unique_ptr<Port>> ports_;
  std::unique_ptr<DatagramInbox> inbox_;  // once there is a port
  std::uint64_t last_id_ = 0;
  Ids starting_;  // to be told start_protocol
  Ids ending_;    // to be told stop_protocol
  Ids unsent_;    // that have something to send
  Ids resuming_;  // that go on reading in the next turn
  Ids failing_;   // that are to be told errors in the next turn
};

}  // namespace parley
