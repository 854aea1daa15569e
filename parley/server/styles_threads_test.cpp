// What is a style's own: the bound on threads, what becomes of them when the server closes, and children.

#include <atomic>
#include <csignal>
#include <future>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <mutex>
#include <optional>
#include <poll.h>
#include <semaphore>
#include <stdexcept>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include "parley/process/child.h"
#include "parley/server/clients_fixture.h"

namespace parley {
namespace {

using testing::HasSubstr;
using namespace std::chrono_literals;

void wait_until(const auto& holds) {
  const Time end = system_clock().now() + patience;
  while (!holds()) {
    ASSERT_LT(system_clock().now(), end);
    std::this_thread::yield();
  }
}

// Greets, and says the line it hears, or how the connection ended.
struct Holds : StreamRequestHandler {
  void handle() override {
    wfile().write("hello\n");
    const std::string line = rfile().readline();
    wfile().write("heard " + line);
  }
};

std::string answer_to(Socket& client, std::string_view line) {
  client.sendall(line);
  return SocketFile(client).readline();
}

Socket greeted(BaseServer& server) {
  Socket client = client_of(server);
  EXPECT_EQ(client.recv(6), "hello\n");
  return client;
}

TEST(ThreadingTest, ServesSeveralAtATime) {
  ThreadingTcpServer server({"127.0.0.1", 0}, handler<Holds>);
  const Beside beside(server);
  Socket first = greeted(server);
  Socket second = greeted(server);
  EXPECT_EQ(server.active_threads(), 2U);
  EXPECT_EQ(answer_to(second, "two\n"), "heard two\n");
  EXPECT_EQ(answer_to(first, "one\n"), "heard one\n");
}

TEST(ThreadingTest, AForkedCopyEndsNothing) {
  std::optional<ThreadingTcpServer> server(std::in_place, Address("127.0.0.1", 0), handler<Holds>);
  server->daemon_threads = true;
  const Beside beside(*server);
  Socket client = greeted(*server);
  Child child([&] {
    ::alarm(30);
    server.reset();
    return 0;
  });
  EXPECT_EQ(child.wait().exit_code(), 0);
  EXPECT_EQ(answer_to(client, "one\n"), "heard one\n");
}

TEST(ThreadingTest, BeyondTheBoundTheyWaitAndThenAreRefused) {
  ThreadingTcpServer server({"127.0.0.1", 0}, handler<Holds>);
  server.max_threads = 2;
  server.max_waiting = 1;
  const Beside beside(server);
  Socket first = greeted(server);
  Socket second = greeted(server);
  Socket third = client_of(server);
  Socket fourth = client_of(server);
  EXPECT_EQ(fourth.recv(10), "");  // one too many
  EXPECT_EQ(server.active_threads(), 2U);
  EXPECT_EQ(answer_to(first, "done\n"), "heard done\n");
  EXPECT_EQ(third.recv(6), "hello\n");
  EXPECT_EQ(answer_to(third, "me too\n"), "heard me too\n");
}

TEST(ThreadingTest, TheBoundMayChangeBetweenRequests) {
  ThreadingTcpServer server({"127.0.0.1", 0}, handler<Holds>);
  server.max_waiting = 0;
  const auto accepted = [&server] {
    Socket client = client_of(server);
    server.handle_request();
    return client;
  };
  server.max_threads = 1;
  Socket first = accepted();
  EXPECT_EQ(first.recv(6), "hello\n");
  EXPECT_EQ(accepted().recv(10), "") << "one too many";
  server.max_threads = 2;
  Socket second = accepted();
  EXPECT_EQ(second.recv(6), "hello\n");
  EXPECT_EQ(accepted().recv(10), "");
  server.max_waiting = 1;
  Socket third = accepted();
  EXPECT_EQ(server.active_threads(), 2U) << "one waits";
  EXPECT_EQ(answer_to(first, "one\n"), "heard one\n");
  EXPECT_EQ(third.recv(6), "hello\n");
  EXPECT_EQ(answer_to(second, "two\n"), "heard two\n");
  EXPECT_EQ(answer_to(third, "three\n"), "heard three\n");
}

TEST(ThreadingTest, WhoIsRefusedMayBeTold) {
  struct Polite : ThreadingTcpServer {
    using ThreadingTcpServer::ThreadingTcpServer;
    ~Polite() override { server_close(); }
    void refuse_request(Request& request) override {
      request.connection->sendall("busy\n");
      shutdown_request(request);
    }
  };
  Polite server({"127.0.0.1", 0}, handler<Holds>);
  server.max_threads = 1;
  server.max_waiting = 0;
  const Beside beside(server);
  Socket first = greeted(server);
  EXPECT_EQ(client_of(server).recv(10), "busy\n");
}

TEST(ThreadingTest, ClosingWaitsForRequests) {
  ThreadingTcpServer server({"127.0.0.1", 0}, handler<Holds>);
  Beside beside(server);
  Socket client = greeted(server);
  beside.stop();
  auto closed = std::async(std::launch::async, [&] { server.server_close(); });
  EXPECT_EQ(closed.wait_for(20ms), std::future_status::timeout);
  EXPECT_EQ(answer_to(client, "last words\n"), "heard last words\n");
  closed.get();
  EXPECT_EQ(server.active_threads(), 0U);
}

// Whatever `block_on_close` says: a datagram is answered from the server's socket.
TEST(ThreadingTest, ClosingWaitsForDatagramsToBeAnswered) {
  static std::binary_semaphore begun(0);
  static std::binary_semaphore may_answer(0);
  struct Slow : DatagramRequestHandler {
    void handle() override {
      begun.release();
      may_answer.acquire();
      wfile().write("answer");
    }
  };
  for (const bool blocks : {true, false}) {
    ThreadingUdpServer server({"127.0.0.1", 0}, handler<Slow>);
    server.block_on_close = blocks;
    Beside beside(server);
    Socket client = client_of(server);
    client.send("?");
    begun.acquire();
    beside.stop();
    auto closed = std::async(std::launch::async, [&] { server.server_close(); });
    EXPECT_EQ(closed.wait_for(20ms), std::future_status::timeout);
    may_answer.release();
    closed.get();
    client.setblocking(false);  // it has been sent
    EXPECT_EQ(client.recv(10), "answer");
  }
}

TEST(ThreadingTest, WhatItsThreadThrowsEndsThatRequestAlone) {
  struct Throws : ThreadingTcpServer {
    using ThreadingTcpServer::ThreadingTcpServer;
    ~Throws() override { server_close(); }
    void process_request_thread(Request& request) override {
      if (!thrown.exchange(true)) throw std::runtime_error("thrown by the thread");
      ThreadingTcpServer::process_request_thread(request);
    }
    void handle_error(const Request&, const std::exception_ptr&) override { ++errors; }
    std::atomic<bool> thrown = false;
    std::atomic<int> errors = 0;
  };
  Throws server({"127.0.0.1", 0}, handler<Holds>);
  const Beside beside(server);
  EXPECT_EQ(client_of(server).recv(10), "");
  EXPECT_EQ(server.errors, 1);
  Socket next = greeted(server);
  EXPECT_EQ(answer_to(next, "all is well\n"), "heard all is well\n");
}

TEST(ThreadingTest, UnlessItIsNotToBlock) {
  ThreadingTcpServer server({"127.0.0.1", 0}, handler<Holds>);
  server.block_on_close = false;
  Beside beside(server);
  Socket client = greeted(server);
  beside.stop();
  server.server_close();
  EXPECT_EQ(server.active_threads(), 1U);
  EXPECT_EQ(answer_to(client, "last words\n"), "heard last words\n");
}

TEST(ThreadingTest, DaemonThreadsAreCutOff) {
  ThreadingTcpServer server({"127.0.0.1", 0}, handler<Holds>);
  server.daemon_threads = true;
  server.max_threads = 1;
  Beside beside(server);
  Socket client = greeted(server);
  Socket waits = client_of(server);
  auto asked = std::async(std::launch::async, [&] { return waits.recv(10); });
  wait_until([&] {
    pollfd none{server.fileno(), POLLIN, 0};
    return ::poll(&none, 1, 0) == 0;
  });
  beside.stop();
  server.server_close();  // does not wait for the client
  EXPECT_EQ(server.active_threads(), 0U);
  EXPECT_EQ(asked.get(), "");
}

TEST(ThreadingTest, AHandlerMayCloseItsServer) {
  struct Closes : StreamRequestHandler {
    void handle() override {
      server().shutdown();
      server().server_close();  // does not wait for itself
      wfile().write("closed\n");
    }
  };
  ThreadingTcpServer server({"127.0.0.1", 0}, handler<Closes>);
  auto asked = std::async(std::launch::async, [&] { return client_of(server).recv(10); });
  server.serve_forever();
  EXPECT_EQ(asked.get(), "closed\n");
}

TEST(ThreadingTest, FinishedThreadsAreJoinedAsItGoes) {
  ThreadingTcpServer server({"127.0.0.1", 0}, handler<Holds>);
  const Beside beside(server);
  // A thread that is not joined keeps its stack: 8 MiB of addresses each.
  const auto addresses = [] {
    std::FILE* const file = std::fopen("/proc/self/statm", "r");
    unsigned long pages = 0;
    EXPECT_EQ(std::fscanf(file, "%lu", &pages), 1);
    std::fclose(file);
    return pages * 4096;
  };
  const auto serve = [&](int count) {
    for (int i = 0; i < count; ++i) {
      Socket client = greeted(server);
      EXPECT_EQ(answer_to(client, "x\n"), "heard x\n");
    }
  };
  serve(20);
  const unsigned long before = addresses();
  serve(100);
  EXPECT_LT(addresses(), before + 50 * 8UL * 1024 * 1024);
}

TEST(ForkingTest, OneProcessesChangesAreItsOwn) {
  static int counter = 0;
  struct Counts : StreamRequestHandler {
    void handle() override { wfile().write(concat(++counter)); }
  };
  ForkingTcpServer server({"127.0.0.1", 0}, handler<Counts>);
  const Beside beside(server);
  EXPECT_EQ(ask(server, ""), "1");
  EXPECT_EQ(ask(server, ""), "1");
  EXPECT_EQ(counter, 0);
}

TEST(ForkingTest, OthersWaitInTheKernelWhileThereAreMaxChildren) {
  ForkingTcpServer server({"127.0.0.1", 0}, handler<Holds>);
  server.max_children = 2;
  Beside beside(server);
  Socket first = greeted(server);
  Socket second = greeted(server);
  Socket third = client_of(server);
  third.settimeout(30ms);
  EXPECT_THROW(third.recv(6), Timeout);
  EXPECT_EQ(answer_to(first, "done\n"), "heard done\n");
  third.settimeout(patience);
  EXPECT_EQ(third.recv(6), "hello\n");
  // Not closed: the children were given copies of their clients' sockets too, which are this process's.
  EXPECT_EQ(answer_to(second, "done\n"), "heard done\n");
  EXPECT_EQ(answer_to(third, "done\n"), "heard done\n");
  beside.stop();
  server.server_close();
  EXPECT_EQ(server.active_children(), 0U);
}

TEST(ForkingTest, ShutdownIsPromptAtMaxChildren) {
  ForkingTcpServer server({"127.0.0.1", 0}, handler<Holds>);
  server.max_children = 1;
  Beside beside(server);
  Socket first = greeted(server);
  Socket second = client_of(server);
  beside.stop();  // returns while the child is still busy
  EXPECT_EQ(answer_to(first, "done\n"), "heard done\n");
}

int children() {
  std::FILE* const file = std::fopen(concat("/proc/self/task/", ::gettid(), "/children").c_str(), "r");
  int count = 0;
  for (int pid = 0; file != nullptr && std::fscanf(file, "%d", &pid) == 1;) ++count;
  if (file != nullptr) std::fclose(file);
  return count;
}

TEST(ForkingTest, ItsChildrenAreReapedPromptlyAndNobodyElses) {
  const pid_t other = ::fork();
  if (other == 0) ::_exit(9);
  siginfo_t info{};
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(other), &info, WEXITED | WNOWAIT), 0);
  struct Watches : ForkingTcpServer {
    using ForkingTcpServer::ForkingTcpServer;
    void service_actions() override { seen = children(); }
    std::atomic<int> seen = -1;
  };
  Watches server({"127.0.0.1", 0}, handler<Holds>);
  std::thread client([&] {
    Socket asking = greeted(server);
    wait_until([&] { return server.seen == 2; });
    EXPECT_EQ(answer_to(asking, "x\n"), "heard x\n");
    wait_until([&] { return server.seen == 1; });
    server.shutdown();
  });
  server.serve_forever(1ms);
  client.join();
  server.server_close();
  int status = 0;
  EXPECT_EQ(::waitpid(other, &status, WNOHANG), other);
  EXPECT_EQ(WEXITSTATUS(status), 9);
  EXPECT_EQ(children(), 0);
}

TEST(ForkingTest, AnIdleServerReapsToo) {
  ForkingTcpServer server({"127.0.0.1", 0}, handler<Holds>);
  auto came = std::async(std::launch::async, [&] { return greeted(server); });
  server.handle_request();
  Socket client = came.get();
  EXPECT_EQ(server.active_children(), 1U);
  EXPECT_EQ(answer_to(client, "x\n"), "heard x\n");
  server.timeout = 50ms;
  while (server.active_children() != 0) server.handle_request();  // nobody comes; the child's end is told
  EXPECT_EQ(children(), 0);
}

TEST(ForkingTest, AChildHasNoListener) {
  struct Looks : StreamRequestHandler {
    void handle() override { wfile().write(concat(server().fileno())); }
  };
  ForkingTcpServer server({"127.0.0.1", 0}, handler<Looks>);
  const Beside beside(server);
  EXPECT_EQ(ask(server, ""), "-1");
}

TEST(ForkingTest, UnlessItIsNotToBlock) {
  ForkingTcpServer server({"127.0.0.1", 0}, handler<Holds>);
  server.block_on_close = false;
  Beside beside(server);
  Socket client = greeted(server);
  beside.stop();
  server.server_close();
  EXPECT_EQ(server.active_children(), 1U);
  EXPECT_EQ(answer_to(client, "last words\n"), "heard last words\n");
  server.block_on_close = true;  // the test leaves no process behind
}

TEST(ForkingTest, AChildThatIsKilledHarmsNobody) {
  struct Dies : StreamRequestHandler {
    void handle() override { ::kill(::getpid(), SIGKILL); }
  };
  testing::internal::CaptureStderr();
  {
    ForkingTcpServer server({"127.0.0.1", 0}, handler<Dies>);
    const Beside beside(server);
    EXPECT_EQ(ask(server, ""), "");
    EXPECT_EQ(ask(server, ""), "");
  }
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("was ended by signal 9"));
}

}  // namespace
}  // namespace parley
