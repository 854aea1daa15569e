#pragma once

// Private to the library: how sockets are opened and bound, for all that listens, connects or takes
// datagrams. What is opened here does not block and is closed on exec.

#include <string_view>
#include <system_error>

#include "parley/base/result.h"
#include "parley/socket/address.h"
#include "parley/socket/bound_path.h"
#include "parley/socket/descriptors.h"
#include "parley/socket/family.h"
#include "parley/socket/open_options.h"

namespace parley {

// A socket that is bound.
struct Opened {
  Descriptor descriptor;
  Address host;    // where it is bound: with the port that the kernel chose
  BoundPath path;  // of a Unix socket; goes before the descriptor does
};

// Listens. No host is every address: IPv6 and IPv4 both (IPv6 alone with `v6_only`), IPv4 alone on a machine
// that has no IPv6. Errors are the system's, or of `opening_category`. Throws AddressError for an address
// that cannot be bound to.
Result<Opened> open_listening(const Address& at, const ListenOptions& options);

// The same for datagrams. A local address without a path is a socket without a name, and port 0 the kernel's
// choice. At every address, it is told which one a datagram was sent to (DatagramInbox::asked).
Result<Opened> open_datagram(const Address& at, const DatagramOptions& options);

// A connection that has begun.
struct Connecting {
  Opened socket;
  bool connected =
      false;  // else it is once the socket can be written to, and `outcome_of_connecting` is none
};

// Begins to connect. std::errc::resource_unavailable_try_again: a local server's queue is full, and the
// kernel does not tell when it has room again. Throws AddressError.
Result<Connecting> start_connecting(const Address& to, const ConnectOptions& options);

// What became of it, once the socket can be written to. A connection to oneself is a refusal.
std::error_code outcome_of_connecting(int descriptor) noexcept;

// Whether a stream is connected to itself: where nobody listens, the kernel may give our end the very port
// that it is to reach.
bool is_its_own_peer(int descriptor) noexcept;

// Has a socket of datagrams that is bound to `host` told which of our addresses each was sent to, where that
// is every address; else nothing, since there is one. True when it is told.
Result<bool> tell_asked(int descriptor, const Address& host, Family family) noexcept;

// Whether an IPv6 socket takes no IPv4, also not as IPv4-mapped addresses.
bool takes_ipv6_alone(int descriptor) noexcept;

// Whether an error of accepting is one connection's, which came and went, and not the listener's.
bool was_aborted(int error) noexcept;

// Gives an accepted socket the sizes of its listener's buffers. TCP's has them; a Unix socket's does not.
void inherit_buffers(int listening, int accepted) noexcept;

// Marks of a socket that must stand before it is bound to an address of `family`.
std::error_code prepare_listening(int descriptor, Family family, const ListenOptions& options) noexcept;
// The same of one that listens already: those that still can be set, for what it accepts.
std::error_code prepare_adopted(int descriptor, Family family, const ListenOptions& options) noexcept;
std::error_code prepare_datagram(int descriptor, Family family, const DatagramOptions& options) noexcept;

// Why binding, or listening, at an address said that it is in use, as far as can be found out: a code of
// `opening_category`, which compares equal to std::errc::address_in_use, or the system's own.
std::error_code why_in_use(int descriptor, const Address& at, Family family) noexcept;

// What is in the way of an address.
enum class InUse {
  by_ipv6 = 1,  // a socket at every IPv6 address, which takes IPv4 too
  by_ipv4,      // a socket of IPv4, in the way of one that would take both
  by_file,      // a file that is no socket
};
// An option that no socket can have: compares equal to std::errc::invalid_argument, and says what is wrong.
enum class OddOption {
  keep_time = 10,
  keep_count,
  buffer,
};
const std::error_category& opening_category() noexcept;
std::error_code make_error_code(InUse what) noexcept;
std::error_code make_error_code(OddOption what) noexcept;

// The system's own code in place of one of InUse, and what to do about an error of opening; or nothing.
std::error_code system_code(std::error_code error) noexcept;
std::string_view advice_on_opening(std::error_code error) noexcept;

}  // namespace parley

template <>
struct std::is_error_code_enum<parley::InUse> : std::true_type {};
template <>
struct std::is_error_code_enum<parley::OddOption> : std::true_type {};
