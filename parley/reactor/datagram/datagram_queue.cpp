#include "parley/reactor/datagram/datagram_queue.h"

#include <algorithm>
#include <utility>

namespace parley {

// Entries and the memory of their bytes are used again, so that a busy port does not allocate for each
// datagram.
std::unique_ptr<DatagramQueue::Entry> DatagramQueue::Spare::take() {
  if (entries_.empty()) {
    entries_.reserve(most);
    return std::make_unique<Entry>();
  }
  std::unique_ptr<Entry> entry = std::move(entries_.back());
  entries_.pop_back();
  return entry;
}

// Not one that a large datagram has made large: most are small, and would keep that memory for nothing.
void DatagramQueue::Spare::give(std::unique_ptr<Entry> entry) {
  if (entries_.size() < most && entry->bytes.capacity() <= most_bytes) entries_.push_back(std::move(entry));
}

void DatagramQueue::append(std::string_view bytes, const Address* to, const Address& from) {
  batch_.reserve(most_at_once);  // sending and giving back need no memory then
  std::unique_ptr<Entry> entry = spare_.take();
  entry->bytes.assign(bytes);
  entry->to_peer = to == nullptr;
  if (to != nullptr) entry->to = *to;
  entry->from = from;
  entry->in_batch = false;
  // Behind one that is held back for the same peer: theirs keep their order.
  entry->held = held_ != 0 && std::any_of(entries_.begin(), entries_.end(), [&](const auto& other) {
                  return other->held && same_peer(*other, *entry);
                });
  if (entry->held) ++held_;
  bytes_ += bytes.size();
  entries_.push_back(std::move(entry));
}

// What is held back is passed over: those behind it are for other peers, and need not wait.
std::span<const Outgoing> DatagramQueue::begin_batch() {
  batch_.clear();
  for (const auto& entry : entries_) {
    if (entry->held) continue;
    entry->in_batch = true;
    batch_.push_back({.bytes = entry->bytes,
                      .to = entry->to_peer ? nullptr : &entry->to,
                      .from = entry->from.family() == Family::unspecified ? nullptr : &entry->from});
    if (batch_.size() == most_at_once) break;
  }
  batch_size_ = batch_.size();
  return batch_;
}

void DatagramQueue::advance_batch(std::size_t sent) {
  for (auto entry = entries_.begin(); sent > 0 && entry != entries_.end();) {
    if ((*entry)->in_batch) {
      entry = erase(entry);
      --sent;
    } else {
      ++entry;
    }
  }
}

// What was not sent is like the others again: it may be dropped to make room, or go with the next batch.
DatagramQueue::Entry* DatagramQueue::end_batch(std::size_t sent) {
  advance_batch(sent);
  Entry* next = nullptr;
  for (auto entry = entries_.begin(); batch_size_ > 0 && entry != entries_.end(); ++entry) {
    if (!(*entry)->in_batch) continue;
    if (next == nullptr) next = entry->get();
    (*entry)->in_batch = false;
    --batch_size_;
  }
  return next;
}

void DatagramQueue::drop(const Entry* entry) {
  const auto found =
      std::find_if(entries_.begin(), entries_.end(), [&](const auto& each) { return each.get() == entry; });
  if (found != entries_.end()) erase(found);
}

void DatagramQueue::hold(const Entry& entry) {
  for (const auto& each : entries_) {
    if (each->held || !same_peer(*each, entry)) continue;
    each->held = true;
    ++held_;
  }
}

void DatagramQueue::release() {
  for (const auto& each : entries_) each->held = false;
  held_ = 0;
}

// Not one that stands in a batch: the kernel may still read it.
bool DatagramQueue::drop_oldest() {
  const auto found =
      std::find_if(entries_.begin(), entries_.end(), [](const auto& each) { return !each->in_batch; });
  if (found == entries_.end()) return false;
  erase(found);
  return true;
}

DatagramQueue::Entries::iterator DatagramQueue::erase(const Entries::iterator& entry) {
  bytes_ -= (*entry)->bytes.size();
  if ((*entry)->held) --held_;
  if ((*entry)->in_batch) --batch_size_;
  spare_.give(std::move(*entry));
  return entries_.erase(entry);
}

}  // namespace parley
