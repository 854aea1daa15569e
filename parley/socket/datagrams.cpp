#include "parley/socket/datagrams.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <sys/socket.h>
#include <sys/uio.h>

#include "parley/socket/packet_info.h"
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
  // Where a socket that asks has been received from.
  struct Control {
    alignas(cmsghdr) std::array<char, packet_info_room> bytes;
  };
  std::vector<Control> controls;
  bool asks = false;
  Family family = Family::unspecified;
};

DatagramInbox::DatagramInbox(std::size_t most, std::size_t bytes)
    : call_(std::make_unique<Call>(std::clamp<std::size_t>(most, 1, most_datagrams_at_once), bytes)) {}
DatagramInbox::~DatagramInbox() = default;

Result<std::size_t> DatagramInbox::receive(int descriptor, Family family, std::size_t most, bool asks) {
  most = std::min(most, call_->headers.size());
  for (std::size_t i = 0; i < most; ++i) call_->headers[i].msg_hdr.msg_namelen = sizeof(sockaddr_storage);
  if (asks || call_->asks) set_controls(most, asks);
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

void DatagramInbox::set_controls(std::size_t most, bool asks) {
  if (asks) call_->controls.resize(call_->headers.size());
  // Without, of all: a later call may take more.
  const std::size_t count = asks ? most : call_->headers.size();
  for (std::size_t i = 0; i < count; ++i) {
    msghdr& header = call_->headers[i].msg_hdr;
    header.msg_control = asks ? call_->controls[i].bytes.data() : nullptr;
    header.msg_controllen = asks ? packet_info_room : 0;
  }
  call_->asks = asks;
}

Address DatagramInbox::asked(std::size_t index) const {
  CompactAddress asked;
  if (!call_->asks) return Address(asked);
  msghdr& header = call_->headers[index].msg_hdr;
  for (cmsghdr* each = CMSG_FIRSTHDR(&header); each != nullptr; each = CMSG_NXTHDR(&header, each)) {
    const char* const data = reinterpret_cast<const char*>(CMSG_DATA(each));
    note_asked(each->cmsg_level, each->cmsg_type, {data, each->cmsg_len - CMSG_LEN(0)}, asked);
  }
  return Address(asked);
}

Address DatagramInbox::peer(std::size_t index) const {
  const msghdr& header = call_->headers[index].msg_hdr;
  if (call_->family == Family::local && header.msg_namelen == 0) return Address::local_peer(0);
  return from_sockaddr(reinterpret_cast<const sockaddr*>(header.msg_name), header.msg_namelen);
}

// What goes.

void DatagramOutbox::append(std::string_view bytes) {
  append({}, {}, bytes);
}

void DatagramOutbox::append(std::string_view bytes, const Address& to, Family family, const Address& from) {
  const RawAddress raw = to_raw(to, family);
  const std::string_view name(reinterpret_cast<const char*>(raw.data()), raw.size);
  if (from.family() == Family::unspecified || family == Family::local) return append(name, {}, bytes);
  const PacketInfo info = leaving_from(from.compact(), family);
  append(name, {reinterpret_cast<const char*>(&info), sizeof info}, bytes);
}

void DatagramOutbox::append(std::string_view name, std::string_view from, std::string_view bytes) {
  Entry entry{.at = memory_.size(), .name = name.size(), .size = bytes.size(), .from = !from.empty()};
  // Behind one that is held back for the same peer: theirs keep their order.
  entry.held =
      held_ != 0 && std::any_of(entries_.begin() + static_cast<std::ptrdiff_t>(first_), entries_.end(),
                                [&](const Entry& e) { return e.held && name_of(e) == name; });
  entries_.push_back(entry);
  memory_.append(name);
  memory_.append(from);
  memory_.append(bytes);
  live_ += size_of(entry);
  if (entry.held) ++held_;
}

std::size_t DatagramOutbox::size_of(const Entry& entry) {
  return entry.name + (entry.from ? sizeof(PacketInfo) : 0) + entry.size;
}

DatagramOutbox::Sent DatagramOutbox::send(int descriptor) {
  std::array<mmsghdr, most_datagrams_at_once> headers;
  std::array<iovec, most_datagrams_at_once> pieces;
  std::array<std::size_t, most_datagrams_at_once> which;
  // Written to where a datagram has an address to leave from, and not touched otherwise.
  alignas(cmsghdr) std::array<std::array<char, CMSG_SPACE(sizeof(PacketInfo::bytes))>, most_datagrams_at_once>
      controls;
  std::size_t count = 0;
  for (std::size_t i = first_; i < entries_.size() && count < headers.size(); ++i) {
    const Entry& entry = entries_[i];
    if (entry.held) continue;
    char* const at = memory_.data() + entry.at;
    pieces[count] = {.iov_base = at + size_of(entry) - entry.size, .iov_len = entry.size};
    headers[count] = {};
    msghdr& header = headers[count].msg_hdr;
    header.msg_name = entry.name == 0 ? nullptr : at;
    header.msg_namelen = static_cast<socklen_t>(entry.name);
    header.msg_iov = &pieces[count];
    header.msg_iovlen = 1;
    if (entry.from) {
      PacketInfo info;
      std::memcpy(&info, at + entry.name, sizeof info);
      header.msg_control = controls[count].data();
      header.msg_controllen = CMSG_SPACE(info.size);
      cmsghdr* const control = CMSG_FIRSTHDR(&header);
      control->cmsg_level = info.level;
      control->cmsg_type = info.type;
      control->cmsg_len = CMSG_LEN(info.size);
      std::memcpy(CMSG_DATA(control), info.bytes.data(), info.size);
    }
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
  live_ -= size_of(entry);
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
    kept.append(memory_, entry.at, size_of(entry));
    entry.at = at;
  }
  memory_ = std::move(kept);
}

}  // namespace parley
