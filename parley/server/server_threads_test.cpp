// One suite over the twelve: four transports, each served one by one, by threads and by processes. The
// servers run in the test's own thread or in one beside it; this program is run under tsan too.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <dirent.h>
#include <functional>
#include <future>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <malloc.h>
#include <new>
#include <stdexcept>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include "parley/server/clients_fixture.h"

// Sanitizers have an operator new of their own, and look for what is left themselves.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define PARLEY_SANITIZED
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define PARLEY_SANITIZED
#endif
#endif

namespace {
std::atomic<std::ptrdiff_t> bytes_in_use = 0;
}

#ifndef PARLEY_SANITIZED
// NOLINTBEGIN(misc-new-delete-overloads)
void* operator new(std::size_t size) {
  void* const memory = std::malloc(size);
  if (memory == nullptr) throw std::bad_alloc();
  bytes_in_use += static_cast<std::ptrdiff_t>(malloc_usable_size(memory));
  return memory;
}
void operator delete(void* memory) noexcept {
  bytes_in_use -= static_cast<std::ptrdiff_t>(malloc_usable_size(memory));
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  operator delete(memory);
}
// NOLINTEND(misc-new-delete-overloads)
#endif

namespace parley {
namespace {

using testing::HasSubstr;
using namespace std::chrono_literals;

template <class Server>
using Plain = Server;

// Answers a line: `throw` by an exception, `pid` with the process it runs in.
template <class Base>
class Answer : public Base {
  void setup() override { Base::setup(); }
  void handle() override {
    const std::string line = this->rfile().readline();
    if (line == "throw\n") throw std::runtime_error("thrown by handle");
    if (line == "pid\n") return this->wfile().write(concat(static_cast<int>(::getpid())));
    if (line == "thread\n") {
      return this->wfile().write(std::this_thread::get_id() == main_thread ? "main" : "other");
    }
    if (line == "shutdown\n") this->server().shutdown();
    this->wfile().write("you said " + line);
  }

 public:
  static inline std::thread::id main_thread{};
};

template <class T, template <class> class S>
struct Combination {
  using Transport = T;
  using Server = S<typename T::Server>;
};

template <class Combined>
class ServerTest : public testing::Test {
 public:
  using Transport = typename Combined::Transport;
  using Server = typename Combined::Server;
  using Handler = Answer<typename Transport::Handler>;
  static constexpr bool datagrams = std::is_base_of_v<UdpServer, Server>;
  static constexpr bool forks = !std::is_same_v<Server, typename Transport::Server> &&
                                std::is_same_v<Server, ForkingMixIn<typename Transport::Server>>;
  static constexpr bool threads = !std::is_same_v<Server, typename Transport::Server> &&
                                  std::is_same_v<Server, ThreadingMixIn<typename Transport::Server>>;
};

using Twelve =
    testing::Types<Combination<Tcp, Plain>, Combination<Tcp, ThreadingMixIn>, Combination<Tcp, ForkingMixIn>,
                   Combination<Udp, Plain>, Combination<Udp, ThreadingMixIn>, Combination<Udp, ForkingMixIn>,
                   Combination<UnixStream, Plain>, Combination<UnixStream, ThreadingMixIn>,
                   Combination<UnixStream, ForkingMixIn>, Combination<UnixDatagram, Plain>,
                   Combination<UnixDatagram, ThreadingMixIn>, Combination<UnixDatagram, ForkingMixIn>>;
TYPED_TEST_SUITE(ServerTest, Twelve);

// What a server does beside its own work, noted. It may be of any style.
template <class Server>
struct Noting : Server {
  using Server::Server;
  ~Noting() override { this->server_close(); }

  bool verify_request(const Request& request) override {
    ++verified;
    return Server::verify_request(request) && !refuses;
  }
  void handle_error(const Request&, const std::exception_ptr& error) override {
    try {
      std::rethrow_exception(error);
    } catch (const std::exception& known) {
      if (known.what() == std::string_view("thrown by handle")) ++errors;
    }
  }
  void shutdown_request(Request& request) override {
    ++ended;
    Server::shutdown_request(request);
  }
  void service_actions() override { ++serviced; }

  std::atomic<int> verified = 0;
  std::atomic<int> ended = 0;
  std::atomic<int> errors = 0;
  std::atomic<int> serviced = 0;
  std::atomic<bool> refuses = false;
};

TYPED_TEST(ServerTest, AnswersOneAfterAnother) {
  typename TestFixture::Server server(TypeParam::Transport::address(),
                                      handler<typename TestFixture::Handler>);
  const Beside beside(server);
  EXPECT_EQ(ask(server, "one\n"), "you said one\n");
  EXPECT_EQ(ask(server, "two\n"), "you said two\n");
}

TYPED_TEST(ServerTest, ServesWhereItsStyleSays) {
  typename TestFixture::Server server(TypeParam::Transport::address(),
                                      handler<typename TestFixture::Handler>);
  auto asked = std::async(std::launch::async,
                          [&] { return std::pair(ask(server, "pid\n"), ask(server, "thread\n")); });
  TestFixture::Handler::main_thread = std::this_thread::get_id();
  server.handle_request();
  server.handle_request();
  const auto [pid, thread] = asked.get();
  EXPECT_EQ(pid == concat(static_cast<int>(::getpid())), !TestFixture::forks);
  EXPECT_EQ(thread, TestFixture::threads ? "other" : "main");
}

TYPED_TEST(ServerTest, TellsTheRealAddress) {
  typename TestFixture::Server server(TypeParam::Transport::address(),
                                      handler<typename TestFixture::Handler>);
  EXPECT_EQ(server.server_address(), server.socket().getsockname());
  if (server.server_address().family() == Family::inet) {
    EXPECT_GT(server.server_address().port(), 0);
  }
  EXPECT_EQ(server.fileno(), server.socket().fileno());
}

TYPED_TEST(ServerTest, AnExceptionEndsItsRequestAlone) {
  Noting<typename TestFixture::Server> server(TypeParam::Transport::address(),
                                              handler<typename TestFixture::Handler>);
  Beside beside(server);
  EXPECT_EQ(ask(server, "throw\n"), "");  // the end of the connection, or the empty datagram of `finish`
  EXPECT_EQ(ask(server, "still there?\n"), "you said still there?\n");
  beside.stop();
  server.server_close();  // all have been served
  if (!TestFixture::forks) {
    EXPECT_EQ(server.errors, 1);
  }
}

// Tells through a pipe what is called, in whichever thread or process; the parent's part in what a process
// serves is counted, as the two run side by side.
template <class Server, bool forks>
struct Telling : Server {
  using Server::Server;
  ~Telling() override { this->server_close(); }

  void handle_error(const Request&, const std::exception_ptr&) override { tell("handle_error "); }
  void shutdown_request(Request& request) override {
    tell("shutdown_request ");
    Server::shutdown_request(request);
  }
  void close_request(Request& request) override {
    if (forks && ::getpid() == parent) {
      ++parents;
    } else {
      tell("close_request ");
    }
    Server::close_request(request);
  }
  void tell(std::string_view what) { calls.second.sendall(what); }
  std::string told() {
    calls.second.close();
    std::string all;
    for (auto data = calls.first.recv(100); !data.empty(); data = calls.first.recv(100)) all += data;
    return all;
  }

  const pid_t parent = ::getpid();
  std::atomic<int> parents = 0;
  std::pair<Socket, Socket> calls = socketpair();
};

TYPED_TEST(ServerTest, ARequestIsEndedAfterAnExceptionToo) {
  Telling<typename TestFixture::Server, TestFixture::forks> server(TypeParam::Transport::address(),
                                                                   handler<typename TestFixture::Handler>);
  auto asked = std::async(std::launch::async, [&] { return ask(server, "throw\n"); });
  server.handle_request();
  EXPECT_EQ(asked.get(), "");
  server.server_close();  // it has been served
  EXPECT_EQ(server.told(), "handle_error shutdown_request close_request ");
  EXPECT_EQ(server.parents, TestFixture::forks ? 1 : 0);
}

TYPED_TEST(ServerTest, OneThatIsNotVerifiedIsClosed) {
  Noting<typename TestFixture::Server> server(TypeParam::Transport::address(),
                                              handler<typename TestFixture::Handler>);
  server.refuses = true;
  Socket client = client_of(server);
  client.sendall("hello\n");
  server.handle_request();
  EXPECT_EQ(server.verified, 1);
  EXPECT_EQ(server.ended, 1);
  if (!TestFixture::datagrams) {
    std::string answer = "none";
    try {
      answer = client.recv(100);
    } catch (const SocketError& error) {  // a reset: it was not read
      EXPECT_EQ(error.code(), std::errc::connection_reset);
      answer.clear();
    }
    EXPECT_EQ(answer, "");
  }
  server.refuses = false;
  auto asked = std::async(std::launch::async, [&] { return ask(server, "again\n"); });
  server.handle_request();
  EXPECT_EQ(asked.get(), "you said again\n");
}

TYPED_TEST(ServerTest, ShutsDownFromItsHandler) {
  typename TestFixture::Server server(TypeParam::Transport::address(),
                                      handler<typename TestFixture::Handler>);
  auto asked = std::async(std::launch::async, [&] { return ask(server, "shutdown\n"); });
  server.serve_forever();  // returns
  EXPECT_EQ(asked.get(), "you said shutdown\n");
}

TYPED_TEST(ServerTest, ShutsDownFromAnotherThreadAndServesAgain) {
  typename TestFixture::Server server(TypeParam::Transport::address(),
                                      handler<typename TestFixture::Handler>);
  for (int round = 0; round < 3; ++round) {
    Beside beside(server);
    EXPECT_EQ(ask(server, "one\n"), "you said one\n");  // it does serve
    beside.stop();
  }
}

TYPED_TEST(ServerTest, AShutdownBeforeItIsServedIsNotForgotten) {
  typename TestFixture::Server server(TypeParam::Transport::address(),
                                      handler<typename TestFixture::Handler>);
  server.shutdown();
  server.serve_forever();  // returns
  Beside beside(server);
  EXPECT_EQ(ask(server, "and now?\n"), "you said and now?\n");
}

TYPED_TEST(ServerTest, NobodyCameInTime) {
  struct Timed : TestFixture::Server {
    using TestFixture::Server::Server;
    void handle_timeout() override { ++timeouts; }
    int timeouts = 0;
  };
  Timed server(TypeParam::Transport::address(), handler<typename TestFixture::Handler>);
  server.timeout = 2ms;
  const Time before = system_clock().now();
  server.handle_request();
  EXPECT_GE(system_clock().now() - before, 2ms);
  EXPECT_EQ(server.timeouts, 1);
}

TYPED_TEST(ServerTest, AClosedServerServesNobody) {
  typename TestFixture::Server server(TypeParam::Transport::address(),
                                      handler<typename TestFixture::Handler>);
  server.server_close();
  server.server_close();
  EXPECT_EQ(server.fileno(), -1);
  EXPECT_THROW(server.serve_forever(), SocketError);
  EXPECT_THROW(server.handle_request(), SocketError);
}

TYPED_TEST(ServerTest, ServiceActionsComeAtEachInterval) {
  Noting<typename TestFixture::Server> server(TypeParam::Transport::address(),
                                              handler<typename TestFixture::Handler>);
  std::thread stops([&] {
    while (server.serviced < 3) std::this_thread::yield();
    server.shutdown();
  });
  server.serve_forever(1ms);
  stops.join();
  EXPECT_GE(server.serviced, 3);
}

int entries(const char* folder) {
  DIR* const open = ::opendir(folder);
  int count = 0;
  while (::readdir(open) != nullptr) ++count;
  ::closedir(open);
  return count;
}

bool has_children() {
  siginfo_t info{};
  return ::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

TYPED_TEST(ServerTest, ManyLeaveNothingBehind) {
  const auto serve = [](int count) {
    typename TestFixture::Server server(TypeParam::Transport::address(),
                                        handler<typename TestFixture::Handler>);
    const Beside beside(server);
    for (int i = 0; i < count; ++i) ASSERT_EQ(ask(server, "hello\n"), "you said hello\n");
  };
  serve(10);  // what the C library and the program have once
  const int descriptors = entries("/proc/self/fd");
  const int tasks = entries("/proc/self/task");
  const std::ptrdiff_t bytes = bytes_in_use;
  serve(TestFixture::forks ? 200 : 1000);  // a fork takes long under a sanitizer
  EXPECT_EQ(bytes_in_use, bytes);
  EXPECT_EQ(entries("/proc/self/fd"), descriptors);
  EXPECT_FALSE(has_children());
  // A thread that was joined may be listed for a moment more.
  const Time end = system_clock().now() + patience;
  while (entries("/proc/self/task") != tasks && system_clock().now() < end) std::this_thread::yield();
  EXPECT_EQ(entries("/proc/self/task"), tasks);
}

}  // namespace
}  // namespace parley
