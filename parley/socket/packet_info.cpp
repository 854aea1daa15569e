#include "parley/socket/packet_info.h"

#include <algorithm>
#include <cstring>
#include <netinet/in.h>
#include <sys/socket.h>

#include "parley/base/print.h"
#include "parley/socket/sockaddr.h"

namespace parley {

namespace {

template <class Info>
PacketInfo packed(int level, int type, const Info& info) {
  PacketInfo packed{.level = level, .type = type, .bytes = {}, .size = sizeof info};
  static_assert(sizeof info <= sizeof packed.bytes);
  std::memcpy(packed.bytes.data(), &info, sizeof info);
  return packed;
}

template <class Info>
bool unpacked(std::string_view data, Info& info) {
  if (data.size() < sizeof info) return false;
  std::memcpy(&info, data.data(), sizeof info);
  return true;
}

}  // namespace

PacketInfo leaving_from(const CompactAddress& own, Family family) {
  const RawAddress raw = to_raw(Address(own), family);
  if (family == Family::inet) {
    in_pktinfo info{};
    sockaddr_in in{};
    std::memcpy(&in, &raw.storage, sizeof in);
    info.ipi_spec_dst = in.sin_addr;
    return packed(IPPROTO_IP, IP_PKTINFO, info);
  }
  in6_pktinfo info{};
  sockaddr_in6 in{};
  std::memcpy(&in, &raw.storage, sizeof in);
  info.ipi6_addr = in.sin6_addr;
  info.ipi6_ifindex = in.sin6_scope_id;
  return packed(IPPROTO_IPV6, IPV6_PKTINFO, info);
}

void attach(const PacketInfo& info, msghdr& header, PacketControl& control) {
  static_assert(CMSG_SPACE(sizeof info.bytes) <= sizeof control.bytes);
  header.msg_control = control.bytes.data();
  header.msg_controllen = CMSG_SPACE(info.size);
  cmsghdr* const one = CMSG_FIRSTHDR(&header);
  one->cmsg_level = info.level;
  one->cmsg_type = info.type;
  one->cmsg_len = CMSG_LEN(info.size);
  std::memcpy(CMSG_DATA(one), info.bytes.data(), info.size);
}

void note_asked(int level, int type, std::string_view data, CompactAddress& asked) {
  if (level == IPPROTO_IP && type == IP_PKTINFO) {
    in_pktinfo info;
    if (!unpacked(data, info) || info.ipi_spec_dst.s_addr == INADDR_ANY) return;
    asked = {};
    asked.family = Family::inet;
    std::memcpy(asked.bytes.data(), &info.ipi_spec_dst, sizeof info.ipi_spec_dst);
  } else if (level == IPPROTO_IPV6 && type == IPV6_PKTINFO) {
    in6_pktinfo info;
    // Of IPv4 in an IPv6 socket, IPv4's own piece says more: this one may name a group.
    if (!unpacked(data, info) || asked.family != Family::unspecified) return;
    if (IN6_IS_ADDR_MULTICAST(&info.ipi6_addr) || IN6_IS_ADDR_V4MAPPED(&info.ipi6_addr)) return;
    asked.family = Family::inet6;
    std::memcpy(asked.bytes.data(), &info.ipi6_addr, sizeof info.ipi6_addr);
    if (IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr)) asked.scope = info.ipi6_ifindex;
  }
}

}  // namespace parley
