#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "parley/reactor/backend.h"
#include "parley/socket/address.h"

namespace parley {

// Datagrams of one socket that wait to be sent, in order. What is in a batch stays where it is until the
// batch has ended. Used from the loop's thread.
class DatagramQueue {
 public:
  // More than this one batch does not take.
  static constexpr std::size_t most_at_once = 64;

  struct Entry {
    std::string bytes;
    Address to;
    Address from;          // which of our addresses it leaves from; unspecified: the kernel chooses
    bool to_peer = false;  // to the connected peer; `to` means nothing
    bool held = false;
    bool in_batch = false;
  };
  // Entries that were used before, for all queues of a loop: sending allocates nothing once it goes on.
  class Spare {
   public:
    std::unique_ptr<Entry> take();
    void give(std::unique_ptr<Entry> entry);

   private:
    static constexpr std::size_t most = 256;
    static constexpr std::size_t most_bytes = 2048;  // of a larger one the memory is given back
    std::vector<std::unique_ptr<Entry>> entries_;
  };

  explicit DatagramQueue(Spare& spare) : spare_(spare) {}

  // Queues a copy; `to` null: for the connected peer.
  void append(std::string_view bytes, const Address* to, const Address& from);

  // The first ones that are not held; none may be in a batch.
  std::span<const Outgoing> begin_batch();
  // So many more of the batch are sent, and are taken out; it goes on.
  void advance_batch(std::size_t sent);
  // The same, and it ends. Answers the one after them, which was not sent; null when all were.
  Entry* end_batch(std::size_t sent);
  bool in_batch() const { return batch_size_ != 0; }

  void drop(const Entry* entry);
  // Keeps it back, and all for the same peer, until `release`; others pass them by.
  void hold(const Entry& entry);
  void release();
  // The one that came first, held or not, unless it is in a batch. False where all are.
  bool drop_oldest();

  bool empty() const { return entries_.empty(); }
  std::size_t size() const { return entries_.size(); }
  std::size_t held() const { return held_; }
  std::size_t bytes() const { return bytes_; }

 private:
  using Entries = std::deque<std::unique_ptr<Entry>>;

  static bool same_peer(const Entry& one, const Entry& other) {
    return one.to_peer == other.to_peer && (one.to_peer || one.to == other.to);
  }
  Entries::iterator erase(const Entries::iterator& entry);

  Spare& spare_;
  Entries entries_;
  std::vector<Outgoing> batch_;
  std::size_t batch_size_ = 0;  // that are in it still
  std::size_t held_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace parley
