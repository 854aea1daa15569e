#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "parley/base/result.h"
#include "parley/socket/address.h"
#include "parley/socket/family.h"

namespace parley {

// Private to socket/ and reactor/: many datagrams with one call of the kernel (recvmmsg, sendmmsg). Each is
// used from one thread, with non-blocking sockets.

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

// Datagrams of one socket that wait to be sent, in order; for each its bytes and whom it is for, side by side
// in one piece of memory.
class DatagramOutbox {
 public:
  struct Sent {
    std::size_t count = 0;
    std::error_code error{};  // of the first that was not sent, where none was
  };

  // Queues a copy, for the connected peer.
  void append(std::string_view bytes);
  // The same for anybody; `family` is the socket's. It leaves from `from`, which is an address of ours of the
  // same family as `to`, or from where the kernel chooses. Throws AddressError where such a socket cannot
  // reach it.
  void append(std::string_view bytes, const Address& to, Family family, const Address& from = {});

  // Sends the first ones in one call, and takes those out that the kernel took.
  Sent send(int descriptor);

  // The next to be sent; `Address()` is the connected peer. There must be one that is not held.
  Address next_peer() const;
  void drop_next();
  // Keeps back the next one, and all for the same peer, until `release`; others pass them by.
  void hold_next();
  void release();

  // The one that came first, held or not.
  void drop_oldest();

  bool empty() const { return size() == 0; }
  std::size_t size() const { return entries_.size() - first_; }
  std::size_t held() const { return held_; }
  // Of all that wait, addresses included.
  std::size_t bytes() const { return live_; }
  // What it takes to keep them, as far as that grows with their bytes.
  std::size_t memory() const { return memory_.size(); }

 private:
  struct Entry {
    std::size_t at;    // of the address, which ancillary data and the bytes follow
    std::size_t name;  // size of the address; 0: the connected peer's
    std::size_t size;
    bool held = false;
    bool from = false;  // there is a PacketInfo
  };

  void append(std::string_view name, std::string_view from, std::string_view bytes);
  static std::size_t size_of(const Entry& entry);
  std::string_view name_of(const Entry& entry) const { return {memory_.data() + entry.at, entry.name}; }
  std::size_t next() const;
  void erase(std::size_t index);
  void tidy();

  std::string memory_;
  std::vector<Entry> entries_;
  std::size_t first_ = 0;  // those before it are gone
  std::size_t held_ = 0;
  std::size_t live_ = 0;
};

}  // namespace parley
