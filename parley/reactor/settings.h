#pragma once

#include <chrono>
#include <cstddef>
#include <string>

#include "parley/base/clock.h"
#include "parley/base/limits.h"
#include "parley/base/log.h"
#include "parley/process/thread_pool.h"
#include "parley/reactor/filter.h"
#include "parley/reactor/resolver.h"
#include "parley/socket/open_options.h"

namespace parley {

// How a port is to be listened at.
struct ListenSettings {
  ListenOptions options{};
  // Makes a filter for each connection, under its protocol. A factory that makes no protocol, and a `wrap`
  // that makes no filter, refuse the connection.
  Wrap wrap{};
  // By then the filters must have let the protocol begin, or the connection is aborted (Reason::Kind::failed,
  // timed_out); 0: no limit. Nothing without filters, nor for one that is put under a living protocol.
  Duration handshake_timeout = std::chrono::seconds(10);
  // Said to those who come when no descriptor is left for them, where one can be spared for that, and where
  // there is no `wrap`, through which it would have to go.
  std::string refusal{};
  // Connections of this reactor beyond which new ones are refused in the same way; 0: no limit.
  std::size_t max_connections = 0;
};

// What a reactor is made with; each may be left out.
struct ReactorSettings {
  Limits limits{};
  const Clock* clock = &system_clock();
  Log* log = &standard_log();
  // What a turn has written leaves at its end; with an interval: the first after a quiet time at once,
  // later ones together, at most once per interval (or when a tape is full).
  Duration flush_interval{0};
  // For the resolver that it makes for itself.
  ResolverSettings resolver{};
  // For its thread pool.
  ThreadPoolSettings threads{};
  // Raises the process's soft limit of open descriptors to the hard one, when the reactor is made: each
  // connection needs a descriptor, and the usual soft limit is 1024. Programs that are started later begin
  // with the old one. Nothing where the reactor is on a back end of one's own.
  bool raise_descriptor_limit = true;
};

}  // namespace parley
