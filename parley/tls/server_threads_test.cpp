// Servers over TLS: one after another, in threads, in processes.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <semaphore>
#include <string>

#include "parley/server/clients_fixture.h"
#include "parley/tls/server.h"
#include "parley/tls/sockets_fixture.h"

namespace parley::tls {
namespace {

using testing::HasSubstr;
using namespace std::chrono_literals;

// Answers lines, until there are no more.
struct Greets : StreamRequestHandler {
  void handle() override {
    const std::optional<Details> agreed = details(request());
    for (std::string line = rfile().readline(); !line.empty(); line = rfile().readline()) {
      wfile().write(concat(agreed.value().version, ": ", line));
    }
  }
};

// Keeps the errors of requests, and says when there is one.
template <class Server>
struct Tells : Server {
  using Server::Server;
  ~Tells() override { this->server_close(); }
  void handle_error(const Request& request, const std::exception_ptr& error) override {
    try {
      std::rethrow_exception(error);
    } catch (const std::exception& known) {
      const std::lock_guard lock(mutex);
      words = known.what();
      open = request.connection.value().fileno() >= 0;
    }
    told.release();
  }
  std::mutex mutex;
  std::string words;
  bool open = false;
  std::counting_semaphore<> told{0};
};

class TlsServers : public testing::Test {
 protected:
  TlsSocket connected(BaseServer& server) const {
    return contexts.client.wrap_socket(create_connection(server.server_address(), patience), "localhost");
  }
  void expect_served(BaseServer& server) const {
    TlsSocket client = connected(server);
    client.sendall("hello\nagain\n");
    client.shutdown(Shutdown::write);
    EXPECT_EQ(receive_all(client), "TLS 1.3: hello\nTLS 1.3: again\n");
  }

  Contexts contexts;
};

TEST_F(TlsServers, OneAfterAnother) {
  TlsTcpServer server({"127.0.0.1", 0}, handler<Greets>, contexts.server);
  const Beside beside(server);
  expect_served(server);
  expect_served(server);
}

TEST_F(TlsServers, AThreadForEachIsNotHeldUpByAHandshake) {
  ThreadingTlsTcpServer server({"127.0.0.1", 0}, handler<Greets>, contexts.server);
  {
    const Beside beside(server);
    const Socket silent = client_of(server);
    TlsSocket first = connected(server);
    expect_served(server);
    first.sendall("still\n");
    EXPECT_EQ(first.makefile().readline(), "TLS 1.3: still\n");
  }
}

TEST_F(TlsServers, AProcessForEach) {
  ForkingTlsTcpServer server({"127.0.0.1", 0}, handler<Greets>, contexts.server);
  const Beside beside(server);
  Socket silent = client_of(server);
  TlsSocket first = connected(server);
  expect_served(server);
  first.sendall("still\n");
  EXPECT_EQ(first.makefile().readline(), "TLS 1.3: still\n");
  silent.shutdown(Shutdown::both);  // its process has a copy of it, whose close ends nothing
}

TEST_F(TlsServers, AClientThatSaysNothingHasADeadline) {
  Tells<ThreadingTlsTcpServer> server({"127.0.0.1", 0}, handler<Greets>, contexts.server);
  server.handshake_timeout = 30ms;
  const Beside beside(server);
  Socket silent = client_of(server);
  EXPECT_EQ(silent.recv(100), "");
  server.told.acquire();
  EXPECT_THAT(server.words, HasSubstr("TLS handshake"));
  EXPECT_THAT(server.words, HasSubstr("timed out after 0.03 s"));
  EXPECT_TRUE(server.open);  // who overrides handle_error or shutdown_request may still use it
  EXPECT_EQ(client_of(server).recv(100), "");  // it goes on: the next has its own
}

TEST_F(TlsServers, TheDeadlineOfTheHandshakeIsNotTheConnections) {
  struct SaysTimeout : StreamRequestHandler {
    void handle() override { wfile().write(request().gettimeout() ? "one" : "none"); }
  };
  ThreadingTlsTcpServer server({"127.0.0.1", 0}, handler<SaysTimeout>, contexts.server);
  const Beside beside(server);
  TlsSocket client = connected(server);
  EXPECT_EQ(receive_all(client), "none");
}

TEST_F(TlsServers, AClientInClearGetsAnEndAndTheServerGoesOn) {
  Tells<TlsTcpServer> server({"127.0.0.1", 0}, handler<Greets>, contexts.server);
  const Beside beside(server);
  Socket plain = client_of(server);
  plain.sendall("GET / HTTP/1.0\r\n\r\n");
  EXPECT_THAT(receive_all(plain), testing::StartsWith("HTTP/1.1 400 "));
  server.told.acquire();
  EXPECT_THAT(server.words, HasSubstr("the peer does not speak TLS (it said \"GET / HTTP/1.0\")"));
  expect_served(server);
}

TEST_F(TlsServers, AClientsContextCannotServe) {
  EXPECT_THROW(TlsTcpServer({"127.0.0.1", 0}, handler<Greets>, contexts.client), std::logic_error);
}

TEST_F(TlsServers, ClosingEndsConnectionsOfDaemonThreads) {
  Tells<ThreadingTlsTcpServer> server({"127.0.0.1", 0}, handler<Greets>, contexts.server);
  server.daemon_threads = true;
  const Beside beside(server);
  TlsSocket client = connected(server);
  client.sendall("hello\n");
  EXPECT_EQ(client.makefile().readline(), "TLS 1.3: hello\n");
  server.server_close();
  EXPECT_EQ(server.active_threads(), 0U);
  EXPECT_THAT(server.words, HasSubstr("close_notify"));
}

}  // namespace
}  // namespace parley::tls
