#pragma once

#include <cstddef>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "parley/socket/address.h"
#include "parley/socket/descriptors.h"
#include "parley/socket/flags.h"

namespace parley {

class Socket;

// One piece of ancillary data: what a message carries beside its bytes. `level` and `type` are the
// system's numbers (cmsg(3)), `data` is what they say it is.
struct Ancillary {
  int level = 0;
  int type = 0;
  std::string data{};

  // Open descriptors for the process at the other end of a local socket (SCM_RIGHTS).
  static Ancillary rights(std::span<const int> descriptors);

  bool operator==(const Ancillary&) const = default;
};

// What `Socket::recvmsg_into` tells of a message.
struct MessageInfo {
  std::size_t size = 0;  // bytes received; with `flags::truncated` asked for, of the whole message
  std::vector<Ancillary> ancillary;
  // The descriptors that came with it, which the message owns: they are in no `ancillary`. They are
  // closed on exec.
  std::vector<Descriptor> descriptors;
  Flags flags;      // flags::truncated, control_truncated, end_of_record
  Address address;  // the sender's; `Address()` on a connection
};

// What `Socket::recvmsg` gives.
struct Message : MessageInfo {
  std::string data;
};

// What one piece of ancillary data with `size` bytes takes: with the padding that follows it (for
// `ancillary_size`, added up), and without, which the last one may do with. Throw std::invalid_argument for
// more than the kernel takes (2 GiB).
std::size_t cmsg_space(std::size_t size);
std::size_t cmsg_len(std::size_t size);

// Sends bytes, at least one, and open descriptors with them over a local socket; they stay open here.
// Answers how many bytes were sent. The kernel takes 253 descriptors at most. Throws what `sendmsg` does,
// and std::invalid_argument without bytes, with which a stream would lose the descriptors.
std::size_t send_fds(Socket& socket, std::string_view data, std::span<const int> descriptors, Flags how = {});
std::size_t send_fds(Socket& socket, std::string_view data, std::initializer_list<int> descriptors,
                     Flags how = {});

// Receives at most `size` bytes and, in the answer's `descriptors`, at most `count` descriptors. Where more
// were sent, the kernel closes the rest and the answer's flags have `flags::control_truncated`.
Message recv_fds(Socket& socket, std::size_t size, std::size_t count, Flags how = {});

}  // namespace parley
