#pragma once

// Private to socket/: how every call of a Socket that may have to wait is made.

#include <cerrno>
#include <fcntl.h>
#include <poll.h>
#include <string>
#include <sys/socket.h>

#include "parley/socket/blocking.h"
#include "parley/socket/socket.h"
#include "parley/socket/waiting.h"

namespace parley {

// What is being done, for waiting and for the error message.
struct Socket::Operation {
  std::string_view name;
  short events;
  Flags how = {};
  const Address* whom = nullptr;  // where it is not the peer
  std::size_t whole = 0;          // what is sent in several calls, so that a failure leaves it half done

  bool waits() const { return (how.bits & (MSG_DONTWAIT | MSG_ERRQUEUE)) == 0; }
  std::string advice() const {
    return whole == 0 ? "" : concat("how much of the ", whole, " bytes was sent is unknown");
  }
};

// Calls until the call has not been interrupted, and need not wait. It is tried before anything is waited
// for: mostly it can go on at once.
template <class Call>
std::size_t Socket::transfer(const Operation& operation, const Deadline& deadline, Call call) const {
  const bool waits = getblocking() && operation.waits();
  if (waits) require_blocking_allowed(operation.name);
  for (;;) {
    const auto result = call();
    if (result >= 0) return static_cast<std::size_t>(result);
    const int error = errno;
    if (error == EINTR) continue;
    if (error != EAGAIN || !waits) fail(operation, error);
    if (!gettimeout() && (::fcntl(fileno(), F_GETFL) & O_NONBLOCK) == 0) fail_late(operation);  // SO_RCVTIMEO
    if (!wait_for(fileno(), operation.events, deadline)) fail_late(operation);
  }
}

// There is never a SIGPIPE, and never a wait inside the kernel where there is a deadline: the descriptor may
// have been made blocking by whoever has a duplicate of it.
inline int Socket::message_flags(Flags how) const {
  return how.bits | MSG_NOSIGNAL | (gettimeout() ? MSG_DONTWAIT : 0);
}

}  // namespace parley
