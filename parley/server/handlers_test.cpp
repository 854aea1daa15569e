#include "parley/server/handlers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <optional>
#include <stdexcept>
#include <string>

#include "parley/server/clients_fixture.h"

namespace parley {
namespace {

using testing::HasSubstr;
using testing::StartsWith;
using namespace std::chrono_literals;

TEST(HandlersTest, AHandlersOwnSettingsReachItsConnection) {
  static std::optional<Duration> timeout_seen;
  static bool no_delay_seen = false;
  struct Set : StreamRequestHandler {
    Set() {
      timeout = 3s;
      disable_nagle_algorithm = true;
    }
    void handle() override {
      timeout_seen = request().gettimeout();
      no_delay_seen = request().getsockopt(options::no_delay);
    }
  };
  TcpServer server({"127.0.0.1", 0}, handler<Set>);
  const Socket client = client_of(server);
  server.handle_request();
  EXPECT_EQ(timeout_seen, 3s);
  EXPECT_TRUE(no_delay_seen);
}

TEST(HandlersTest, WhatIsBufferedLeavesAtTheEndAlsoOfAFailure) {
  struct Buffers : StreamRequestHandler {
    Buffers() { wbufsize = 4096; }
    void handle() override {
      wfile().write("one ");
      wfile().write("two");
      throw std::runtime_error("after that");
    }
  };
  Told<TcpServer> server({"127.0.0.1", 0}, handler<Buffers>);
  Socket client = client_of(server);
  server.handle_request();
  EXPECT_EQ(client.recv(100), "one two");
  EXPECT_EQ(client.recv(100), "");
}

TEST(HandlersTest, ADatagramIsReadByLine) {
  struct Lines : DatagramRequestHandler {
    void handle() override {
      while (true) {
        const std::string line = rfile().readline();
        if (line.empty()) break;
        wfile().write("[" + line + "]");
      }
    }
  };
  UdpServer server({"127.0.0.1", 0}, handler<Lines>);
  Socket client = client_of(server);
  client.sendall("one\ntwo");
  server.handle_request();
  EXPECT_EQ(client.recv(100), "[one\n][two]");
}

struct Silent : StreamRequestHandler {
  void handle() override {}
};
struct SilentDatagram : DatagramRequestHandler {
  void handle() override {}
};

template <class Server>
std::string said_of(const HandlerFactory& make) {
  Told<Server> server({"127.0.0.1", 0}, make);
  client_of(server).sendall("x\n");
  server.handle_request();
  return server.words;
}

TEST(HandlersTest, NoHandlerIsAnErrorOfItsRequest) {
  const HandlerFactory none;
  const HandlerFactory null = [] { return nullptr; };
  EXPECT_EQ(said_of<TcpServer>(none), "the server has no handler: its HandlerFactory is empty");
  EXPECT_EQ(said_of<UdpServer>(none), "the server has no handler: its HandlerFactory is empty");
  EXPECT_EQ(said_of<TcpServer>(null), "the server's HandlerFactory answered no handler");
  EXPECT_EQ(said_of<UdpServer>(null), "the server's HandlerFactory answered no handler");
}

TEST(HandlersTest, AServerThatServesByItselfNeedsNone) {
  struct Own : TcpServer {
    using TcpServer::TcpServer;
    void finish_request(Request& request) override { request.connection->sendall("hello"); }
  };
  Own server({"127.0.0.1", 0}, nullptr);
  Socket client = client_of(server);
  server.handle_request();
  EXPECT_EQ(client.recv(10), "hello");
}

// It would read the server's own socket for the next datagram, and wait for good.
TEST(HandlersTest, OneOfTheOtherKindIsRefused) {
  struct Reads : StreamRequestHandler {
    void setup() override {}  // does not call its base's
    void handle() override { (void)rfile().readline(); }
  };
  EXPECT_THAT(said_of<UdpServer>(handler<Silent>), HasSubstr("for datagrams: DatagramRequestHandler"));
  EXPECT_THAT(said_of<UdpServer>(handler<Reads>), StartsWith("a StreamRequestHandler serves connections"));
  EXPECT_THAT(said_of<TcpServer>(handler<SilentDatagram>),
              HasSubstr("for connections: StreamRequestHandler"));
  EXPECT_EQ(said_of<TcpServer>(handler<Silent>), "");
  EXPECT_EQ(said_of<UdpServer>(handler<SilentDatagram>), "");
}

}  // namespace
}  // namespace parley
