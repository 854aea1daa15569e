#pragma once

// For tests of sockets over TLS: contexts that trust each other, and two ends of one connection.

#include <gtest/gtest.h>
#include <string>
#include <thread>
#include <utility>

#include "parley/socket/create.h"
#include "parley/tls/authority_fixture.h"
#include "parley/tls/socket.h"

namespace parley::tls {

constexpr Duration patience = std::chrono::seconds(30);

struct Contexts {
  Contexts() {
    const testing_tls::Issued issued = authority.issue({.names = {"localhost", "127.0.0.1"}});
    server.load_cert_chain_pem(issued.certificate, issued.key);
    client.load_verify_pem(authority.certificate());
  }

  testing_tls::Authority authority;
  Context server = Context::server();
  Context client = Context::client();
};

// Two plain ends that wait no longer than a test may.
inline std::pair<Socket, Socket> plain_pair() {
  auto ends = socketpair();
  ends.first.settimeout(patience);
  ends.second.settimeout(patience);
  return ends;
}

// Both shake hands, by turns, on this thread.
inline void shake_hands(TlsSocket& one, TlsSocket& other) {
  const auto step = [](TlsSocket& end) {
    try {
      end.do_handshake();
      return true;
    } catch (const WouldBlock&) {
      return false;
    }
  };
  one.setblocking(false);
  other.setblocking(false);
  for (bool done = false; !done;) {
    done = step(one);
    done = step(other) && done;
  }
  one.settimeout(patience);
  other.settimeout(patience);
}

struct Ends {
  explicit Ends(const Contexts& contexts) : Ends(contexts, plain_pair()) {}
  Ends(const Contexts& contexts, std::pair<Socket, Socket> plain)
      : client(contexts.client.wrap_socket(std::move(plain.first), "localhost",
                                           {.do_handshake_on_connect = false})),
        server(contexts.server.wrap_socket(std::move(plain.second), {.do_handshake_on_connect = false})) {
    shake_hands(client, server);
  }

  TlsSocket client;
  TlsSocket server;
};

// All up to the end.
inline std::string receive_all(Socket& socket) {
  std::string all;
  for (std::string data = socket.recv(64 * 1024); !data.empty(); data = socket.recv(64 * 1024)) all += data;
  return all;
}

inline std::string some_text(std::size_t size) {
  std::string text(size, '\0');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>('a' + (i * 7 + i / 251) % 26);
  return text;
}

}  // namespace parley::tls
