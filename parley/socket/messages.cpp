#include <algorithm>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <sys/socket.h>
#include <sys/uio.h>
#include <vector>

#include "parley/socket/message.h"
#include "parley/socket/sockaddr.h"
#include "parley/socket/transfer.h"

namespace parley {

namespace {

bool carries_descriptors(const cmsghdr& header) {
  return header.cmsg_level == SOL_SOCKET && header.cmsg_type == SCM_RIGHTS;
}

// Takes apart what the kernel put into the header's control memory. Descriptors are owned as soon as they are
// seen, so `info.descriptors` has to have room: a failed allocation would leak them.
void take_ancillary(msghdr& header, MessageInfo& info) {
  const char* const end = static_cast<const char*>(header.msg_control) + header.msg_controllen;
  for (int pass = 0; pass < 2; ++pass) {
    for (cmsghdr* each = CMSG_FIRSTHDR(&header); each != nullptr; each = CMSG_NXTHDR(&header, each)) {
      const char* data = reinterpret_cast<const char*>(CMSG_DATA(each));
      if (each->cmsg_len < CMSG_LEN(0) || data > end) continue;
      // Where it was truncated, its own length may say what it would have been.
      const std::size_t size = std::min(each->cmsg_len - CMSG_LEN(0), static_cast<std::size_t>(end - data));
      if (carries_descriptors(*each) != (pass == 0)) continue;
      if (pass == 1) {
        info.ancillary.push_back({each->cmsg_level, each->cmsg_type, std::string(data, size)});
        continue;
      }
      for (std::size_t at = 0; at + sizeof(int) <= size; at += sizeof(int)) {
        int descriptor;
        std::memcpy(&descriptor, data + at, sizeof descriptor);
        info.descriptors.emplace_back(descriptor);
      }
    }
  }
}

// The kernel counts ancillary data in ints.
constexpr std::size_t most_ancillary = std::numeric_limits<int>::max();
constexpr std::size_t most_descriptors = 253;  // of one message: the kernel's SCM_MAX_FD

void require_fits(std::string_view operation, std::size_t size) {
  if (size <= most_ancillary - CMSG_SPACE(0)) return;
  throw std::invalid_argument(concat(operation, ": ", size, " bytes are more than ancillary data may have"));
}

// Ancillary data as the kernel wants it, one piece after another.
std::vector<char> packed(std::span<const Ancillary> ancillary) {
  std::size_t size = 0;
  for (const Ancillary& each : ancillary) size += cmsg_space(each.data.size());
  std::vector<char> control(size);
  std::size_t at = 0;
  for (const Ancillary& each : ancillary) {
    cmsghdr* header = reinterpret_cast<cmsghdr*>(control.data() + at);
    header->cmsg_level = each.level;
    header->cmsg_type = each.type;
    header->cmsg_len = cmsg_len(each.data.size());
    std::memcpy(CMSG_DATA(header), each.data.data(), each.data.size());
    at += cmsg_space(each.data.size());
  }
  return control;
}

}  // namespace

std::size_t cmsg_space(std::size_t size) {
  require_fits("cmsg_space", size);
  return CMSG_SPACE(size);
}

std::size_t cmsg_len(std::size_t size) {
  require_fits("cmsg_len", size);
  return CMSG_LEN(size);
}

Ancillary Ancillary::rights(std::span<const int> descriptors) {
  return {SOL_SOCKET, SCM_RIGHTS,
          std::string(reinterpret_cast<const char*>(descriptors.data()), descriptors.size_bytes())};
}

Message Socket::recvmsg(std::size_t size, std::size_t ancillary_size, Flags how) {
  const auto memory = std::make_unique_for_overwrite<char[]>(size);
  const std::span<char> whole(memory.get(), size);
  MessageInfo info = recvmsg_into({&whole, 1}, ancillary_size, how);
  const std::string_view data(memory.get(), std::min(info.size, size));
  return {std::move(info), std::string(data)};
}

MessageInfo Socket::recvmsg_into(std::span<const std::span<char>> memory, std::size_t ancillary_size,
                                 Flags how) {
  require_no_layer("recvmsg");
  require_fits("recvmsg", ancillary_size);
  std::vector<iovec> pieces;
  pieces.reserve(memory.size());
  for (const std::span<char> each : memory) pieces.push_back({each.data(), each.size()});
  std::vector<char> control(ancillary_size);
  MessageInfo info;
  info.descriptors.reserve(ancillary_size / sizeof(int));

  RawAddress raw;
  msghdr header{};
  const auto receive = [&] {
    header = {};
    header.msg_name = raw.data();
    header.msg_namelen = sizeof raw.storage;
    header.msg_iov = pieces.data();
    header.msg_iovlen = pieces.size();
    header.msg_control = control.data();
    header.msg_controllen = control.size();
    return ::recvmsg(fileno(), &header, message_flags(how) | MSG_CMSG_CLOEXEC);
  };
  info.size = transfer({"recvmsg", POLLIN, how}, Deadline(gettimeout()), receive);
  if (header.msg_controllen != 0) take_ancillary(header, info);
  info.flags.bits = header.msg_flags & ~MSG_CMSG_CLOEXEC;
  raw.size = header.msg_namelen;
  info.address = from_raw(raw);
  return info;
}

std::size_t Socket::sendmsg(std::initializer_list<std::string_view> pieces,
                            std::span<const Ancillary> ancillary, Flags how,
                            const std::optional<Address>& address) {
  return sendmsg(std::span(pieces.begin(), pieces.size()), ancillary, how, address);
}

std::size_t Socket::sendmsg(std::span<const std::string_view> pieces, std::span<const Ancillary> ancillary,
                            Flags how, const std::optional<Address>& address) {
  require_no_layer("sendmsg");
  std::vector<iovec> vector;
  vector.reserve(pieces.size());
  for (const std::string_view each : pieces) vector.push_back({const_cast<char*>(each.data()), each.size()});
  std::vector<char> control = packed(ancillary);
  RawAddress raw;
  if (address) raw = raw_address(*address);

  msghdr header{};
  header.msg_name = address ? raw.data() : nullptr;
  header.msg_namelen = address ? raw.size : 0;
  header.msg_iov = vector.data();
  header.msg_iovlen = vector.size();
  header.msg_control = control.empty() ? nullptr : control.data();
  header.msg_controllen = control.size();
  return transfer({"sendmsg", POLLOUT, how, address ? &*address : nullptr}, Deadline(gettimeout()),
                  [&] { return ::sendmsg(fileno(), &header, message_flags(how)); });
}

std::size_t send_fds(Socket& socket, std::string_view data, std::span<const int> descriptors, Flags how) {
  if (data.empty()) throw std::invalid_argument("send_fds: descriptors travel with at least one byte");
  const Ancillary rights = Ancillary::rights(descriptors);
  return socket.sendmsg({data}, {&rights, descriptors.empty() ? 0U : 1U}, how);
}

std::size_t send_fds(Socket& socket, std::string_view data, std::initializer_list<int> descriptors,
                     Flags how) {
  return send_fds(socket, data, std::span(descriptors.begin(), descriptors.size()), how);
}

Message recv_fds(Socket& socket, std::size_t size, std::size_t count, Flags how) {
  return socket.recvmsg(size, cmsg_len(std::min(count, most_descriptors) * sizeof(int)), how);
}

}  // namespace parley
