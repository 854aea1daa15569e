#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <system_error>
#include <vector>

#include "parley/reactor/backend.h"
#include "parley/socket/bound_path.h"
#include "parley/socket/datagrams.h"
#include "parley/socket/family.h"
#include "parley/socket/poller.h"

namespace parley {

// The sockets of datagrams of a readiness back end, which owns this and says when to go on. What is received
// stands in one memory that all of them share.
class ReadinessDatagrams {
 public:
  // Descriptors from `below` on cannot be waited for.
  ReadinessDatagrams(Backend::Upcalls& up, const Limits& limits, int below)
      : up_(up), limits_(limits), below_(below) {}

  // As Backend has them.
  Result<Address> bind(DatagramSlot& slot, const Address& at, const DatagramOptions& options);
  std::error_code connect(DatagramSlot& slot, const Address& peer);
  std::error_code change(DatagramSlot& slot, const DatagramChange& what);
  void set_receiving(DatagramSlot& slot, bool on);
  Sent start_send(DatagramSlot& slot, std::span<const Outgoing> batch);
  void close(DatagramSlot& slot, Poller& poller);
  Address host(const DatagramSlot& slot) const;
  void renew();
  void register_anew(DatagramSlot& slot);

  // What was noted since the last time, before a turn waits, in this order. They answer whether somebody was
  // told something.
  // Whether any of these three has anything to do.
  bool quiet() const { return errors_.empty() && changed_.empty() && closed_.empty(); }
  bool tell_errors();
  void settle_changes(Poller& poller);
  bool tell_closed();
  // Its descriptor is ready. Answers how many bytes were received.
  std::size_t serve(DatagramSlot& slot, Interest ready);

 private:
  struct Error {
    DatagramSlot* slot;
    std::error_code error;
  };
  struct LocalPath {
    int descriptor;
    BoundPath path;
  };

  Sent send(DatagramSlot& slot, std::span<const Outgoing> batch);
  std::size_t receive(DatagramSlot& slot);
  std::size_t most_at_once() const;
  void note_change(DatagramSlot& slot);

  Backend::Upcalls& up_;
  const Limits& limits_;
  const int below_;
  std::unique_ptr<DatagramInbox> inbox_;  // once there is a socket
  std::vector<Received> received_;
  std::vector<DatagramSlot*> changed_;  // whose interest the poller does not know yet
  std::vector<DatagramSlot*> closed_;   // to be told so
  std::vector<Error> errors_;           // that no event of the poller told
  std::vector<LocalPath> local_paths_;
};

}  // namespace parley
