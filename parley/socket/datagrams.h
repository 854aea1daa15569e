#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "parley/base/result.h"
#include "parley/socket/address.h"
#include "parley/socket/family.h"

namespace parley {

// Private to socket/ and reactor/: many datagrams with one call of the kernel (recvmmsg). It is used from one
// thread, with non-blocking sockets.

// More than this one call neither receives nor sends.
inline constexpr std::size_t most_datagrams_at_once = 64;

// Memory to receive datagrams into, for all the sockets of a loop. What was received stays until the next
// `receive`.
class DatagramInbox {
 public:
  // Room for `most` datagrams of `bytes` each. Pages that nothing was received into cost nothing.
  DatagramInbox(std::size_t most, std::size_t bytes);
  ~DatagramInbox();
  DatagramInbox(const DatagramInbox&) = delete;
  DatagramInbox& operator=(const DatagramInbox&) = delete;

  // Receives what has come, at most `most` datagrams, and answers how many; none when nothing has. `family`
  // is the socket's. `asks`: `asked` is wanted, which is for sockets at every address (`tell_asked`).
  Result<std::size_t> receive(int descriptor, Family family, std::size_t most, bool asks = false);

  std::span<char> bytes(std::size_t index);
  // Whether that was the whole datagram: the rest of a longer one is lost.
  bool whole(std::size_t index) const;
  // Its sender. A local one without a name is `Address::local_peer(0)`.
  Address peer(std::size_t index) const;
  // Our address that it was sent to, without a port: an answer should leave from there. Unspecified where it
  // is not known.
  Address asked(std::size_t index) const;

 private:
  struct Call;
  void set_controls(std::size_t most, bool asks);
  std::unique_ptr<Call> call_;
};

}  // namespace parley
