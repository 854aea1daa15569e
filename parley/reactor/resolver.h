#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "parley/base/clock.h"
#include "parley/base/move_only_function.h"
#include "parley/base/result.h"
#include "parley/socket/address.h"
#include "parley/socket/family.h"

namespace parley {

class Reactor;

// Finds the addresses of hosts without blocking. A reactor has one; a program may install another. Used from
// the loop's thread.
class Resolver {
 public:
  // The addresses of a host, at least one, in the order in which they are to be tried, all with port 0; or
  // why there is none, in the codes of `resolve_category()`.
  using Answer = Result<std::vector<Address>>;
  using Answered = MoveOnlyFunction<void(Answer)>;
  using Id = std::uint64_t;

  virtual ~Resolver() = default;

  // Looks for the addresses of one family, inet or inet6. `answered` is called once, from the loop, never
  // from inside this call.
  virtual Id look_up(const std::string& host, Family family, Answered answered) = 0;
  // `answered` will not be called once this has returned. No error when it was called already.
  virtual void cancel(Id id) = 0;
};

// How the reactor's own resolver asks.
struct ResolverSettings {
  // Name servers, by address: `127.0.0.1`, `[::1]:5353`. None: the system's, which stand in `resolv_conf`.
  std::vector<std::string> servers{};
  // The port of servers that are named without one.
  std::uint16_t port = 53;
  // How long it waits for the first answer of a server; longer each time that it asks again.
  Duration timeout = std::chrono::seconds(2);
  int tries = 3;  // of each server
  // Names that no server is asked for, and the system's servers, search list and options. At each look-up
  // they are looked at, and read where they have changed; what was asked before ends with the configuration
  // that it began with.
  std::string hosts_file = "/etc/hosts";
  std::string resolv_conf = "/etc/resolv.conf";
};

// The resolver that a reactor has unless it is given another: the hosts file first, then the name servers
// (c-ares), over TCP where an answer does not fit. `localhost` is always this machine (RFC 6761,
// section 6.3). Its timeouts are real time. It must not outlive the reactor, nor be destroyed by what it
// calls. Throws std::invalid_argument for a server that is none, std::system_error when it cannot be made.
std::unique_ptr<Resolver> make_resolver(Reactor& reactor, const ResolverSettings& settings = {});

}  // namespace parley
