// Who may end and close a server: its handlers, other threads, and copies of the program.

#include <atomic>
#include <functional>
#include <future>
#include <gtest/gtest.h>
#include <optional>
#include <semaphore>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include "parley/process/child.h"
#include "parley/server/clients_fixture.h"

namespace parley {
namespace {

using namespace std::chrono_literals;

// Closes its server, and answers afterwards.
template <class Base>
struct Closes : Base {
  void handle() override {
    if (this->rfile().readline() == "close\n") this->server().server_close();
    this->wfile().write("answer\n");
  }
};

template <class Transport, template <class> class Style>
struct Combination {
  static Style<typename Transport::Server> make() {
    return {Transport::address(), handler<Closes<typename Transport::Handler>>};
  }
};
template <class Server>
using Plain = Server;

template <class Combined>
class ClosingTest : public testing::Test {};
using Eight = testing::Types<Combination<Tcp, Plain>, Combination<Tcp, ThreadingMixIn>,
                             Combination<Udp, Plain>, Combination<Udp, ThreadingMixIn>,
                             Combination<UnixStream, Plain>, Combination<UnixStream, ThreadingMixIn>,
                             Combination<UnixDatagram, Plain>, Combination<UnixDatagram, ThreadingMixIn>>;
TYPED_TEST_SUITE(ClosingTest, Eight);

TYPED_TEST(ClosingTest, AHandlerMayCloseItsServer) {
  auto server = TypeParam::make();
  auto asked = std::async(std::launch::async, [&] { return ask(server, "close\n"); });
  server.serve_forever();  // returns
  EXPECT_EQ(server.fileno(), -1);
  EXPECT_EQ(asked.get(), "answer\n");
  EXPECT_THROW(server.serve_forever(), SocketError);
}

TYPED_TEST(ClosingTest, AlsoOneThatServesASingleRequest) {
  auto server = TypeParam::make();
  auto asked = std::async(std::launch::async, [&] { return ask(server, "close\n"); });
  server.handle_request();
  EXPECT_EQ(asked.get(), "answer\n");
  EXPECT_THROW(server.handle_request(), SocketError);
  EXPECT_EQ(server.fileno(), -1);
}

TYPED_TEST(ClosingTest, AnotherThreadMay) {
  auto server = TypeParam::make();
  const Beside beside(server);
  EXPECT_EQ(ask(server, "hello\n"), "answer\n");
  server.server_close();
  EXPECT_EQ(server.fileno(), -1);
}

TYPED_TEST(ClosingTest, AllMayAtOnce) {
  auto server = TypeParam::make();
  const Beside beside(server);
  EXPECT_EQ(ask(server, "hello\n"), "answer\n");  // it is being served
  const auto ask_to_close = [&] {
    try {
      client_of(server).sendall("close\n");
    } catch (const SocketError&) {  // it came too late
    }
  };
  const auto asked = std::async(std::launch::async, ask_to_close);
  const auto shut = std::async(std::launch::async, [&] { server.shutdown(); });
  const auto closed = std::async(std::launch::async, [&] { server.server_close(); });
}

TEST(ClosingTest, AClosingThatWaitsForAHandlerIsNotWaitedForByIt) {
  static std::binary_semaphore begun(0);
  static std::binary_semaphore closing(0);
  struct Ends : StreamRequestHandler {
    void handle() override {
      begun.release();
      closing.acquire();
      std::this_thread::sleep_for(5ms);  // until the other thread waits, mostly
      server().shutdown();
      server().server_close();
      wfile().write("answer\n");
    }
  };
  struct Server : ThreadingTcpServer {
    using ThreadingTcpServer::ThreadingTcpServer;
    ~Server() override { server_close(); }
    void service_actions() override {
      begun.acquire();
      closing.release();
      server_close();  // waits for the handler
    }
  };
  Server server({"127.0.0.1", 0}, handler<Ends>);
  auto asked = std::async(std::launch::async, [&] { return ask(server, ""); });
  server.serve_forever();
  EXPECT_EQ(asked.get(), "answer\n");
}

// They are answered from the socket that is to be closed.
TEST(ClosingTest, DatagramsInOtherThreadsAreAnsweredBefore) {
  static std::binary_semaphore begun(0);
  static std::binary_semaphore closed(0);
  struct Handler : DatagramRequestHandler {
    void handle() override {
      if (packet() == "close") {
        server().server_close();
        closed.release();
      } else {
        begun.release();
        closed.acquire();
        wfile().write("answer");
      }
    }
  };
  ThreadingUdpServer server({"127.0.0.1", 0}, handler<Handler>);
  server.block_on_close = false;
  Socket slow = client_of(server);
  auto client = std::async(std::launch::async, [&] {
    slow.send("slow");
    begun.acquire();
    return ask(server, "close");
  });
  server.serve_forever();
  EXPECT_EQ(client.get(), "");
  EXPECT_EQ(slow.recv(10), "answer");
}

// What a server of its own closes beside the socket, it closes where nothing is served any more.
TEST(ClosingTest, ItIsTheServingThreadThatClosesForAHandler) {
  struct Server : ThreadingTcpServer {
    using ThreadingTcpServer::ThreadingTcpServer;
    ~Server() override { server_close(); }
    void server_close() override {
      if (!stop_serving()) return;
      closed_on = std::this_thread::get_id();
      ThreadingTcpServer::server_close();
    }
    std::thread::id closed_on;
  };
  Server server({"127.0.0.1", 0}, handler<Closes<StreamRequestHandler>>);
  auto asked = std::async(std::launch::async, [&] { return ask(server, "close\n"); });
  server.serve_forever();
  EXPECT_EQ(server.closed_on, std::this_thread::get_id());
  EXPECT_EQ(asked.get(), "answer\n");
}

TEST(ClosingTest, AHandlersProcessClosesItsOwnPart) {
  ForkingTcpServer server({"127.0.0.1", 0}, handler<Closes<StreamRequestHandler>>);
  const Beside beside(server);
  EXPECT_EQ(ask(server, "close\n"), "answer\n");
  EXPECT_EQ(ask(server, "hello\n"), "answer\n") << "the parent serves on";
}

TEST(ClosingTest, ActiveChildrenMayBeCountedFromElsewhere) {
  ForkingTcpServer server({"127.0.0.1", 0}, handler<Closes<StreamRequestHandler>>);
  const Beside beside(server);
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(ask(server, "hello\n"), "answer\n");
    EXPECT_LE(server.active_children(), 20U);
  }
}

// Runs in a copy of this program; what is to be true there is its exit status.
int status_in_copy(const std::function<bool()>& holds) {
  Child child([&] {
    ::alarm(30);
    return holds() ? 0 : 1;
  });
  return child.wait().exit_code();
}

TEST(ClosingTest, AForkedCopyServesAndEndsForItself) {
  TcpServer server({"127.0.0.1", 0}, handler<Closes<StreamRequestHandler>>);
  std::optional<Beside> beside(server);
  EXPECT_EQ(ask(server, "hello\n"), "answer\n");  // it is being served
  EXPECT_EQ(status_in_copy([&] {
              Beside in_copy(server);
              in_copy.stop();
              server.server_close();
              return server.fileno() == -1;
            }),
            0);
  EXPECT_EQ(ask(server, "hello\n"), "answer\n") << "the parent serves on";
  beside.reset();
}

TEST(ClosingTest, AForkedCopyHasNoChildren) {
  ForkingTcpServer server({"127.0.0.1", 0}, handler<Closes<StreamRequestHandler>>);
  server.max_children = 1;
  Socket client = client_of(server);
  server.handle_request();
  EXPECT_EQ(server.active_children(), 1U);
  EXPECT_EQ(status_in_copy([&] {
              const bool none = server.active_children() == 0;
              const Beside in_copy(server);  // which takes requests
              return none && ask(server, "hello\n") == "answer\n";
            }),
            0);
  EXPECT_EQ(server.active_children(), 1U);
  client.sendall("hello\n");
  EXPECT_EQ(SocketFile(client).readline(), "answer\n");
}

// A handler forks, and the child returns from it.
TEST(ClosingTest, ACopyMadeInAHandlerEndsForItself) {
  static pid_t copy;
  struct Forks : StreamRequestHandler {
    void handle() override {
      const std::string line = rfile().readline();
      if (line == "fork\n") copy = ::fork();
      if (copy == 0) server().shutdown();
      if (copy == 0) return;
      wfile().write("answer\n");
    }
  };
  TcpServer server({"127.0.0.1", 0}, handler<Forks>);
  std::optional<Beside> beside;
  auto asked = std::async(std::launch::async, [&] { return ask(server, "fork\n"); });
  copy = 1;
  server.handle_request();
  if (copy == 0) ::_exit(0);
  EXPECT_EQ(asked.get(), "answer\n");
  int status = -1;
  EXPECT_EQ(::waitpid(copy, &status, 0), copy);
  EXPECT_EQ(status, 0);
  beside.emplace(server);
  EXPECT_EQ(ask(server, "hello\n"), "answer\n") << "the copy's end is not this one's";
}

}  // namespace
}  // namespace parley
