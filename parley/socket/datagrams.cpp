#include "parley/socket/datagrams.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <sys/socket.h>
#include <sys/uio.h>

#include "parley/socket/sockaddr.h"

namespace parley {

namespace {

// Memory that is given up when it holds more than this and twice what is needed.
constexpr std::size_t slack = 64 * 1024;

std::error_code last_error() {
  return {errno, std::system_category()};
}

}  // namespace

// What comes.

struct DatagramInbox::Call {
  Call(std::size_t most, std::size_t size)
      : bytes(size),
        // Not a power of two apart: else the first bytes of them all would share a few lines of the cache.
        stride(size + 1088),
        memory(std::make_unique_for_overwrite<char[]>(most * stride)),
        names(most),
        pieces(most),
        headers(most) {
    for (std::size_t i = 0; i < most; ++i) {
      pieces[i] = {.iov_base = memory.get() + i * stride, .iov_len = bytes};
      headers[i].msg_hdr = {};
      headers[i].msg_hdr.msg_name = &names[i];
      headers[i].msg_hdr.msg_iov = &pieces[i];
      headers[i].msg_hdr.msg_iovlen = 1;
    }
  }

  std::size_t bytes;
  std::size_t stride;
  std::unique_ptr<char[]> memory;
  std::vector<sockaddr_storage> names;
  std::vector<iovec> pieces;
  std::vector<mmsghdr> headers;
  Family family = Family::unspecified;
};

DatagramInbox::DatagramInbox(std::size_t most, std::size_t bytes)
    : call_(std::make_unique<Call>(std::clamp<std::size_t>(most, 1, most_datagrams_at_once), bytes)) {}
DatagramInbox::~DatagramInbox() = default;

Result<std::size_t> DatagramInbox::receive(int descriptor, Family family, std::size_t most) {
  most = std::min(most, call_->headers.size());
  for (std::size_t i = 0; i < most; ++i) call_->headers[i].msg_hdr.msg_namelen = sizeof(sockaddr_storage);
  call_->family = family;
  int count;
  do {
    count = ::recvmmsg(descriptor, call_->headers.data(), static_cast<unsigned>(most), MSG_DONTWAIT, nullptr);
  } while (count < 0 && errno == EINTR);
  if (count >= 0) return static_cast<std::size_t>(count);
  if (errno == EAGAIN || errno == EWOULDBLOCK) return std::size_t{0};
  return last_error();
}

std::span<char> DatagramInbox::bytes(std::size_t index) {
  return {call_->memory.get() + index * call_->stride, call_->headers[index].msg_len};
}

bool DatagramInbox::whole(std::size_t index) const {
  return (call_->headers[index].msg_hdr.msg_flags & MSG_TRUNC) == 0;
}

Address DatagramInbox::peer(std::size_t index) const {
  const msghdr& header = call_->headers[index].msg_hdr;
  if (call_->family == Family::local && header.msg_namelen == 0) return Address::local_peer(0);
  return from_sockaddr(reinterpret_cast<const sockaddr*>(header.msg_name), header.msg_namelen);
}

// What goes.

void DatagramOutbox::append(std::string_view bytes) {
  append({}, bytes);
}

void DatagramOutbox::append(std::string_view bytes, const Address& to, Family family) {
  const RawAddress raw = to_raw(to, family);
  append({reinterpret_cast<const char*>(raw.data()), raw.size}, bytes);
}

void DatagramOutbox::append(std::string_view name, std::string_view bytes) {
  Entry entry{.at = memory_.size(), .name = name.size(), .size = bytes.size()};
  // Behind one that is held back for the same peer: theirs keep their order.
  entry.held =
      held_ != 0 && std::any_of(entries_.begin() + static_cast<std::ptrdiff_t>(first_), entries_.end(),
                                [&](const Entry& e) { return e.held && name_of(e) == name; });
  entries_.push_back(entry);
  memory_.append(name);
  memory_.append(bytes);
  live_ += name.size() + bytes.size();
  if (entry.held) ++held_;
}

DatagramOutbox::Sent DatagramOutbox::send(int descriptor) {
  std::array<mmsghdr, most_datagrams_at_once> headers;
  std::array<iovec, most_datagrams_at_once> pieces;
  std::array<std::size_t, most_datagrams_at_once> which;
  std::size_t count = 0;
  for (std::size_t i = first_; i < entries_.size() && count < headers.size(); ++i) {
    const Entry& entry = entries_[i];
    if (entry.held) continue;
    char* const at = memory_.data() + entry.at;
    pieces[count] = {.iov_base = at + entry.name, .iov_len = entry.size};
    headers[count] = {};
    msghdr& header = headers[count].msg_hdr;
    header.msg_name = entry.name == 0 ? nullptr : at;
    header.msg_namelen = static_cast<socklen_t>(entry.name);
    header.msg_iov = &pieces[count];
    header.msg_iovlen = 1;
    which[count++] = i;
  }
  if (count == 0) return {};
  int sent;
  do {
    sent = ::sendmmsg(descriptor, headers.data(), static_cast<unsigned>(count), MSG_DONTWAIT | MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  if (sent < 0) return {.count = 0, .error = last_error()};
  const auto taken = static_cast<std::size_t>(sent);
  for (std::size_t i = taken; i-- > 0;) {
    if (which[i] == first_ + i) {  // and so do those before it: the rule, where nothing is held
      for (std::size_t left = i + 1; left > 0; --left) erase(first_);
      break;
    }
    erase(which[i]);  // from the back: the places before stay
  }
  tidy();
  return {.count = taken};
}

std::size_t DatagramOutbox::next() const {
  std::size_t index = first_;
  while (entries_[index].held) ++index;
  return index;
}

Address DatagramOutbox::next_peer() const {
  const std::string_view name = name_of(entries_[next()]);
  if (name.empty()) return {};
  RawAddress raw;
  std::copy(name.begin(), name.end(), reinterpret_cast<char*>(&raw.storage));
  raw.size = static_cast<socklen_t>(name.size());
  return from_raw(raw);
}

void DatagramOutbox::drop_next() {
  erase(next());
  tidy();
}

void DatagramOutbox::drop_oldest() {
  erase(first_);
  tidy();
}

void DatagramOutbox::hold_next() {
  const std::size_t index = next();
  const std::string_view name = name_of(entries_[index]);
  for (std::size_t i = index; i < entries_.size(); ++i) {
    Entry& entry = entries_[i];
    if (entry.held || name_of(entry) != name) continue;
    entry.held = true;
    ++held_;
  }
}

void DatagramOutbox::release() {
  for (Entry& entry : entries_) entry.held = false;
  held_ = 0;
}

void DatagramOutbox::erase(std::size_t index) {
  const Entry& entry = entries_[index];
  live_ -= entry.name + entry.size;
  if (entry.held) --held_;
  if (index == first_) {
    ++first_;
  } else {
    entries_.erase(entries_.begin() + static_cast<std::ptrdiff_t>(index));
  }
}

// Gives up the memory of what is gone.
void DatagramOutbox::tidy() {
  if (first_ == entries_.size()) {
    entries_.clear();
    memory_.clear();
    first_ = 0;
    return;
  }
  if (first_ > slack / sizeof(Entry) && first_ > entries_.size() / 2) {
    entries_.erase(entries_.begin(), entries_.begin() + static_cast<std::ptrdiff_t>(first_));
    first_ = 0;
  }
  if (memory_.size() <= 2 * live_ + slack) return;
  std::string kept;
  kept.reserve(live_);
  for (std::size_t i = first_; i < entries_.size(); ++i) {
    Entry& entry = entries_[i];
    const std::size_t at = kept.size();
    kept.append(memory_, entry.at, entry.name + entry.size);
    entry.at = at;
  }
  memory_ = std::move(kept);
}

}  // namespace parley
