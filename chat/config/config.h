#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include "parley/base/clock.h"
#include "parley/base/limits.h"
#include "parley/base/log.h"
#include "parley/reactor/reactor.h"
#include "parley/socket/address.h"

namespace chat {

// A configuration or a command line that parleyd does not start with: one line that says where the
// mistake is and what to do about it.
class ConfigError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Where the line chat is offered.
struct ListenerConfig {
  parley::Address address{"127.0.0.1", 2626};
  std::string room = "#lobby";  // that one lands in

  bool operator==(const ListenerConfig&) const = default;
};

// What parleyd was told, as far as what it is about is built. The defaults are those of parleyd.toml.
struct Config {
  parley::Reactor::Kind reactor = parley::Reactor::automatic;
  parley::Duration flush_interval{0};
  std::vector<ListenerConfig> listeners = {ListenerConfig{}};
  parley::Limits limits;
  std::uint32_t line_bytes = 4096;  // of one line of the line chat, its end not counted
  int send_buffer = 0;              // bytes of each connection in the kernel; 0: it decides
  std::size_t connections = 0;      // in all; 0: what the descriptors allow
  parley::Level log_level = parley::Level::info;
  bool chat = true;  // the conversation on stdout
  // The keys of the file that nothing reads yet, for the log.
  std::vector<std::string> not_built;
};

}  // namespace chat
