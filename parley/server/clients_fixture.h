#pragma once

// For the tests of parley/server: the four transports, each with a server that listens and a client for it.

#include <exception>
#include <gtest/gtest.h>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <utility>

#include "parley/server/forking.h"
#include "parley/server/threading.h"
#include "parley/socket/create.h"

namespace parley {

constexpr Duration patience = std::chrono::seconds(30);

inline Address unused_name() {
  static std::random_device random;  // other tests run beside this one
  return Address::abstract(concat("parley-server-test-", random(), '-', random()));
}

struct Tcp {
  using Server = TcpServer;
  using Handler = StreamRequestHandler;
  static Address address() { return {"127.0.0.1", 0}; }
};
struct UnixStream {
  using Server = UnixStreamServer;
  using Handler = StreamRequestHandler;
  static Address address() { return unused_name(); }
};
struct Udp {
  using Server = UdpServer;
  using Handler = DatagramRequestHandler;
  static Address address() { return {"127.0.0.1", 0}; }
};
struct UnixDatagram {
  using Server = UnixDatagramServer;
  using Handler = DatagramRequestHandler;
  static Address address() { return unused_name(); }
};

// A client of any of them, that waits no longer than a test may.
inline Socket client_of(BaseServer& server) {
  const Address& whom = server.server_address();
  const Type type = server.socket().type();
  Socket client(whom.family(), type);
  client.settimeout(patience);
  if (whom.family() == Family::local && type == Type::datagram) client.bind(unused_name());
  client.connect(whom);
  return client;
}

// Sends one line (a datagram) and answers everything that comes back.
inline std::string ask(BaseServer& server, std::string_view line) {
  Socket client = client_of(server);
  client.sendall(line);
  if (client.type() == Type::datagram) return client.recv(65536);
  std::string answer;
  for (auto data = client.recv(4096); !data.empty(); data = client.recv(4096)) answer += data;
  return answer;
}

// Serves beside the test until it goes.
class Beside {
 public:
  explicit Beside(BaseServer& server) : server_(server), thread_([&server] { server.serve_forever(); }) {}
  ~Beside() { stop(); }
  Beside(const Beside&) = delete;
  Beside& operator=(const Beside&) = delete;
  void stop() {
    if (!thread_.joinable()) return;
    server_.shutdown();
    thread_.join();
  }

 private:
  BaseServer& server_;
  std::thread thread_;
};

// A server of any style that keeps what its handlers throw.
template <class Server>
struct Told : Server {
  using Server::Server;
  ~Told() override { this->server_close(); }
  void handle_error(const Request&, const std::exception_ptr& error) override {
    try {
      std::rethrow_exception(error);
    } catch (const std::exception& known) {
      words += known.what();
    }
  }
  std::string words;
};

}  // namespace parley
