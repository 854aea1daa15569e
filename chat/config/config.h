#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "parley/base/clock.h"
#include "parley/base/limits.h"
#include "parley/base/log.h"
#include "parley/reactor/reactor.h"
#include "parley/service/endpoints.h"
#include "parley/socket/network.h"

namespace chat {

// A configuration or a command line that parleyd does not start with: one line that says where the
// mistake is and what to do about it.
class ConfigError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// The files of a listener that speaks TLS, in PEM.
struct TlsConfig {
  std::string cert;       // with those that it is signed by
  std::string key;        // empty: it is in the same file
  std::string client_ca;  // of clients, who must show a certificate then; empty: nobody is asked for one

  bool operator==(const TlsConfig&) const = default;
};

// Where the line chat is offered.
struct ListenerConfig {
  // Never ServerEndpoint::Tls: what stands there is in `tls`.
  parley::ServerEndpoint endpoint{parley::ServerEndpoint::Tcp{.address = {"127.0.0.1", 2626}}};
  std::string room = "#lobby";  // that one lands in
  std::optional<TlsConfig> tls{};

  bool operator==(const ListenerConfig&) const = default;
};

// What parleyd was told. The defaults are those of parleyd.toml.
struct Config {
  parley::Reactor::Kind reactor = parley::Reactor::automatic;
  parley::Duration flush_interval{0};
  std::vector<ListenerConfig> listeners = {ListenerConfig{}};
  parley::Limits limits;
  std::uint32_t line_bytes = 4096;  // of one line of the line chat, its end not counted
  int send_buffer = 0;              // bytes of each connection in the kernel; 0: it decides
  std::size_t connections = 0;      // in all; 0: what the descriptors allow
  // Whom the next four do not hold for, nor for clients of Unix sockets.
  std::vector<parley::Network> exempt = {{parley::Address("127.0.0.0", 0), 8},
                                         {parley::Address("::1", 0), 128}};
  std::uint32_t connections_per_ip = 64;  // 0: as many as one likes, as for the others
  std::uint32_t connect_rate = 32;        // new connections of an address in ten seconds
  std::uint32_t message_rate = 20;        // lines of a client in a second, and so many at once
  std::uint32_t message_burst = 60;
  parley::Duration idle_timeout{0};                      // without a line from a client; 0: for ever
  parley::Duration keep_alive{std::chrono::minutes(2)};  // of silence until the kernel asks; 0: never
  parley::Level log_level = parley::Level::info;
  std::string log_file;  // empty: stderr
  bool chat = true;      // the conversation on stdout
};

}  // namespace chat
