#include "parley/socket/datagrams.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <sys/socket.h>
#include <sys/uio.h>
#include <vector>

#include "parley/socket/packet_info.h"
#include "parley/socket/sockaddr.h"

namespace parley {

namespace {

std::error_code last_error() {
  return {errno, std::system_category()};
}

}  // namespace

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

}  // namespace parley
