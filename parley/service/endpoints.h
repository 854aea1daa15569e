#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <variant>

#include "parley/base/clock.h"
#include "parley/base/print.h"
#include "parley/base/result.h"
#include "parley/socket/address.h"

namespace parley {

// What is wrong with an endpoint string, and where:
// `endpoint "tcp:80000": column 5: the port 80000 is not from 0 to 65535`.
class EndpointError : public std::invalid_argument {
 public:
  // `wrong` is what is wrong at that column of `text`.
  EndpointError(std::string_view text, std::size_t column, std::string_view wrong);

  // The byte at which the wrong part begins, counted from 1; one past the end where something is missing.
  std::size_t column() const { return column_; }

 private:
  std::size_t column_;
};

// Where a server listens, as an endpoint string says it: something to be configured. A value; it prints as a
// string that says the same.
//
//   tcp:8000                           every address of this machine
//   tcp:8000:interface=127.0.0.1       also backlog=100; an IPv6 address as interface=\:\:1
//   tcp://127.0.0.1:8000               the same as a URL, in which an IPv6 address is [::1]
//   tls:443:cert=/etc/chat.pem:key=/etc/chat.key   TLS over TCP; also interface, backlog, client_ca
//   ssl:443:privateKey=/etc/chat.key:certKey=/etc/chat.pem   the same in Twisted's words
//   unix:/run/chat.sock:mode=660       also backlog; unix:@name is one of Linux's abstract names
//   fd:3                               a socket that was inherited, which listens already
//   systemd:0, systemd:chat            one that systemd has handed over, by number or by name
//
// What stands without a name may have it: tcp:port=8000. A backslash takes the meaning from the character
// behind it.
struct ServerEndpoint {
  struct Tcp {
    Address address;
    std::optional<int> backlog{};
    bool operator==(const Tcp&) const = default;
  };
  struct Tls {
    Address address;
    // Files in PEM: the certificate with those that it is signed by, and its key; empty: it is in the same
    // file.
    std::string cert;
    std::string key{};
    // The authorities of clients, who must show a certificate then; empty: nobody is asked for one.
    std::string client_ca{};
    std::optional<int> backlog{};
    bool operator==(const Tls&) const = default;
  };
  struct Local {
    Address address;
    std::optional<unsigned> mode{};  // the permissions of the path; none: what the umask leaves
    std::optional<int> backlog{};
    bool operator==(const Local&) const = default;
  };
  struct Inherited {
    int descriptor;
    bool operator==(const Inherited&) const = default;
  };
  struct Systemd {
    std::variant<std::size_t, std::string> which;  // by number, from 0, or by the name of its unit's file
    bool operator==(const Systemd&) const = default;
  };

  // Reads a string. It opens no file and looks no name up. The scope of an IPv6 address must be one of this
  // machine's.
  static Result<ServerEndpoint, EndpointError> parse(std::string_view text);

  bool operator==(const ServerEndpoint&) const = default;

  std::variant<Tcp, Tls, Local, Inherited, Systemd> where;
};

// Whom a client connects to, likewise.
//
//   tcp:example.org:80                 also timeout=5 (seconds), bind_address=192.0.2.1
//   tcp:host=\:\:1:port=80, tcp://[::1]:80
//   tls:example.org:443, tls://example.org:443   TLS over TCP: the certificate must be for that host; also
//                                      timeout, bind_address; ssl: is the same
//   unix:/run/chat.sock                also timeout=5; unix:@name
struct ClientEndpoint {
  struct Tcp {
    Endpoint endpoint;
    std::optional<Duration> timeout{};
    std::optional<Address> bind_address{};
    bool operator==(const Tcp&) const = default;
  };
  struct Tls {
    Endpoint endpoint;
    std::optional<Duration> timeout{};  // of the handshake, too
    std::optional<Address> bind_address{};
    bool operator==(const Tls&) const = default;
  };
  struct Local {
    Address address;
    std::optional<Duration> timeout{};
    bool operator==(const Local&) const = default;
  };

  static Result<ClientEndpoint, EndpointError> parse(std::string_view text);

  bool operator==(const ClientEndpoint&) const = default;

  std::variant<Tcp, Tls, Local> where;
};

void print(Writer& out, const ServerEndpoint& endpoint);
void print(Writer& out, const ClientEndpoint& endpoint);

}  // namespace parley
