#include "parley/server/base_server.h"

#include <atomic>
#include <cerrno>
#include <csignal>
#include <dirent.h>
#include <fcntl.h>
#include <functional>
#include <future>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdexcept>
#include <string>
#include <sys/resource.h>
#include <sys/time.h>
#include <thread>
#include <vector>

#include "parley/server/clients_fixture.h"
#include "parley/socket/blocking.h"

namespace parley {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using namespace std::chrono_literals;

struct Silent : StreamRequestHandler {
  void handle() override {}
};

int descriptors() {
  DIR* const open = ::opendir("/proc/self/fd");
  int count = 0;
  while (::readdir(open) != nullptr) ++count;
  ::closedir(open);
  return count;
}

TEST(BaseServerTest, TheHooksAreCalledInTheirOrder) {
  static std::vector<std::string> called;
  called.clear();
  struct Handler : BaseRequestHandler {
    void setup() override { called.emplace_back("setup"); }
    void handle() override { called.emplace_back("handle"); }
    void finish() override { called.emplace_back("finish"); }
  };
  struct Server : TcpServer {
    explicit Server(const Address& address)
        : TcpServer(address, handler<Handler>, {.bind_and_activate = false}) {
      bind_and_activate();
    }
    void server_bind() override { called.emplace_back("server_bind"), TcpServer::server_bind(); }
    void server_activate() override { called.emplace_back("server_activate"), TcpServer::server_activate(); }
    Request get_request() override { return called.emplace_back("get_request"), TcpServer::get_request(); }
    bool verify_request(const Request&) override { return called.emplace_back("verify_request"), true; }
    void process_request(Request& request) override {
      called.emplace_back("process_request"), TcpServer::process_request(request);
    }
    void finish_request(Request& request) override {
      called.emplace_back("finish_request"), TcpServer::finish_request(request);
    }
    void shutdown_request(Request& request) override {
      called.emplace_back("shutdown_request"), TcpServer::shutdown_request(request);
    }
    void close_request(Request& request) override {
      called.emplace_back("close_request"), TcpServer::close_request(request);
    }
    void server_close() override { called.emplace_back("server_close"), TcpServer::server_close(); }
  };
  Server server({"127.0.0.1", 0});
  const Socket client = client_of(server);
  server.handle_request();
  server.server_close();
  EXPECT_THAT(called, ElementsAre("server_bind", "server_activate", "get_request", "verify_request",
                                  "process_request", "finish_request", "setup", "handle", "finish",
                                  "shutdown_request", "close_request", "server_close"));
}

// What a handler does at each step: `s`etup, `h`andle or `f`inish throws.
class Steps : public BaseRequestHandler {
 public:
  Steps(std::string throwing, std::string& done) : throwing_(std::move(throwing)), done_(done) {}

 private:
  void setup() override { step('s'); }
  void handle() override { step('h'); }
  void finish() override { step('f'); }
  void step(char which) {
    done_ += which;
    if (throwing_.find(which) != std::string::npos)
      throw std::runtime_error(std::string("thrown by ") + which);
  }

  std::string throwing_;
  std::string& done_;
};

TEST(BaseServerTest, FinishRunsOnceSetupHasSucceeded) {
  const auto serve = [](const std::string& throwing) {
    std::string done;
    Told<TcpServer> server({"127.0.0.1", 0}, [&] { return std::make_unique<Steps>(throwing, done); });
    const Socket client = client_of(server);
    server.handle_request();
    return done + " " + server.words;
  };
  EXPECT_EQ(serve(""), "shf ");
  EXPECT_EQ(serve("s"), "s thrown by s");
  EXPECT_EQ(serve("h"), "shf thrown by h");
  EXPECT_EQ(serve("f"), "shf thrown by f");
  EXPECT_EQ(serve("hf"), "shf thrown by h");  // the cause
}

TEST(BaseServerTest, AnErrorIsLogged) {
  struct Throws : StreamRequestHandler {
    void handle() override { throw std::runtime_error("no such name"); }
  };
  TcpServer server({"127.0.0.1", 0}, handler<Throws>);
  const Socket client = client_of(server);
  testing::internal::CaptureStderr();
  server.handle_request();
  EXPECT_THAT(testing::internal::GetCapturedStderr(),
              AllOf(HasSubstr("request of 127.0.0.1:"), HasSubstr("no such name")));
}

TEST(BaseServerTest, ARequestIsEndedThoughHandleErrorThrows) {
  struct Throws : StreamRequestHandler {
    void handle() override { throw std::runtime_error("first"); }
  };
  struct Server : TcpServer {
    using TcpServer::TcpServer;
    void handle_error(const Request&, const std::exception_ptr&) override {
      throw std::runtime_error("second");
    }
    void shutdown_request(Request& request) override {
      ++ended;
      TcpServer::shutdown_request(request);
    }
    int ended = 0;
  };
  Server server({"127.0.0.1", 0}, handler<Throws>);
  const Socket client = client_of(server);
  EXPECT_THROW(server.serve_forever(), std::runtime_error);
  EXPECT_EQ(server.ended, 1);
}

TEST(BaseServerTest, AConstructorThatFailsLeaksNothing) {
  const TcpServer first({"127.0.0.1", 0}, handler<Silent>);
  const int before = descriptors();
  EXPECT_THROW(TcpServer(first.server_address(), handler<Silent>), SocketError);
  EXPECT_THROW(TcpServer(Address::abstract("x"), handler<Silent>), AddressError);
  EXPECT_THROW(UnixStreamServer({"127.0.0.1", 0}, handler<Silent>), AddressError);
  EXPECT_THROW(UdpServer(Address::abstract("x"), handler<Silent>), AddressError);
  EXPECT_THROW(TcpServer({"127.0.0.1", 0}, handler<Silent>, {.dualstack_ipv6 = true}), AddressError);
  EXPECT_EQ(descriptors(), before);
  TcpServer later(first.server_address(), handler<Silent>, {.bind_and_activate = false});
  EXPECT_THROW(later.bind_and_activate(), SocketError);
  EXPECT_EQ(later.fileno(), -1);
}

TEST(BaseServerTest, SettingsReachTheSocket) {
  TcpServer plain({"127.0.0.1", 0}, handler<Silent>);
  EXPECT_TRUE(plain.socket().getsockopt(options::reuse_addr));
  EXPECT_FALSE(plain.socket().getsockopt(options::reuse_port));
  TcpServer server({"127.0.0.1", 0}, handler<Silent>,
                   {.allow_reuse_address = false, .allow_reuse_port = true});
  EXPECT_FALSE(server.socket().getsockopt(options::reuse_addr));
  EXPECT_TRUE(server.socket().getsockopt(options::reuse_port));
  UdpServer datagrams({"127.0.0.1", 0}, handler<Silent>);
  EXPECT_FALSE(datagrams.socket().getsockopt(options::reuse_addr));
  UnixStreamServer packets(unused_name(), handler<Silent>, {.socket_type = Type::seqpacket});
  EXPECT_EQ(packets.socket().type(), Type::seqpacket);
  TcpServer six({"", 0}, handler<Silent>, {.address_family = Family::inet6, .dualstack_ipv6 = true});
  EXPECT_EQ(six.socket().family(), Family::inet6);
  EXPECT_FALSE(six.socket().getsockopt(options::v6_only));
  Socket over_four(Family::inet);
  over_four.connect({"127.0.0.1", six.server_address().port()});
}

TEST(BaseServerTest, ASocketOfTheOtherKindIsRefused) {
  EXPECT_THROW(TcpServer({"127.0.0.1", 0}, handler<Silent>, {.socket_type = Type::datagram}),
               std::invalid_argument);
  EXPECT_THROW(UdpServer({"127.0.0.1", 0}, handler<Silent>, {.socket_type = Type::stream}),
               std::invalid_argument);
  EXPECT_THROW(UnixDatagramServer(unused_name(), handler<Silent>, {.socket_type = Type::seqpacket}),
               std::invalid_argument);
}

TEST(BaseServerTest, ANegativeTimeIsRefused) {
  TcpServer server({"127.0.0.1", 0}, handler<Silent>);
  EXPECT_THROW(server.serve_forever(-1ms), std::invalid_argument);
  server.timeout = -1ms;
  EXPECT_THROW(server.handle_request(), std::invalid_argument);
}

TEST(BaseServerTest, AFailingGetRequestEndsNothing) {
  struct Fails : TcpServer {
    using TcpServer::TcpServer;
    Request get_request() override {
      if (++calls == 1) throw std::runtime_error("not today");
      return TcpServer::get_request();
    }
    int calls = 0;
  };
  struct Ends : StreamRequestHandler {
    void handle() override { server().shutdown(); }
  };
  Fails server({"127.0.0.1", 0}, handler<Ends>);
  const Socket client = client_of(server);
  testing::internal::CaptureStderr();
  server.serve_forever();
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("not today"));
  EXPECT_EQ(server.calls, 2);
}

TEST(BaseServerTest, WithoutDescriptorsItRestsAndThenGoesOn) {
  struct Ends : StreamRequestHandler {
    void handle() override { server().shutdown(); }
  };
  struct Counts : TcpServer {
    using TcpServer::TcpServer;
    Request get_request() override {
      if (++calls == 3) ::setrlimit(RLIMIT_NOFILE, &before);  // some are free again
      return TcpServer::get_request();
    }
    int calls = 0;
    rlimit before{};
  };
  Counts server({"127.0.0.1", 0}, handler<Ends>);
  const Socket client = client_of(server);
  ::getrlimit(RLIMIT_NOFILE, &server.before);
  testing::internal::CaptureStderr();
  rlimit none = server.before;
  const int next = ::fcntl(0, F_DUPFD_CLOEXEC, 0);  // the lowest that is free
  ::close(next);
  none.rlim_cur = static_cast<rlim_t>(next);
  ::setrlimit(RLIMIT_NOFILE, &none);
  const Time start = system_clock().now();
  server.serve_forever();
  const std::string said = testing::internal::GetCapturedStderr();
  EXPECT_EQ(server.calls, 3);
  EXPECT_GE(system_clock().now() - start, 200ms);  // two rests, no spinning
  EXPECT_THAT(said, HasSubstr("Too many open files"));
}

TEST(BaseServerTest, AConnectionThatIsGoneAgainKeepsNobodyFromShuttingDown) {
  struct Loses : TcpServer {
    using TcpServer::TcpServer;
    Request get_request() override {  // what the wait told of, somebody else takes
      {
        const auto taken = TcpServer::get_request();
      }
      shutdown();
      return TcpServer::get_request();  // must not wait
    }
  };
  Loses server({"127.0.0.1", 0}, handler<Silent>);
  const Socket client = client_of(server);
  testing::internal::CaptureStderr();
  server.serve_forever();
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");  // it is nothing to tell of
}

TEST(BaseServerTest, ADatagramThatIsGoneAgainToo) {
  struct Loses : UdpServer {
    using UdpServer::UdpServer;
    Request get_request() override {
      {
        const auto taken = UdpServer::get_request();
      }
      shutdown();
      return UdpServer::get_request();
    }
  };
  Loses server({"127.0.0.1", 0}, handler<Silent>);
  client_of(server).sendall("x");
  server.serve_forever();
}

TEST(BaseServerTest, DatagramsAreCutAtMaxPacketSize) {
  struct Size : DatagramRequestHandler {
    void handle() override { wfile().write(concat(packet().size())); }
  };
  UdpServer server({"127.0.0.1", 0}, handler<Size>);
  Socket client = client_of(server);
  const auto size_of = [&](std::size_t sent) {
    client.sendall(std::string(sent, 'x'));
    server.handle_request();
    return client.recv(100);
  };
  EXPECT_EQ(size_of(8192), "8192");
  EXPECT_EQ(size_of(9000), "8192");
  server.max_packet_size = 10;
  EXPECT_EQ(size_of(11), "10");
}

// A client that is connected to one of the server's addresses hears answers from that one alone.
TEST(BaseServerTest, DatagramsAreAnsweredFromTheAddressThatWasAsked) {
  struct Echo : DatagramRequestHandler {
    void handle() override { wfile().write(packet()); }
  };
  struct Sends : BaseRequestHandler {
    void handle() override { request().sendto(packet(), client_address()); }
  };
  struct Asked : UdpServer {
    using UdpServer::UdpServer;
    bool verify_request(const Request& request) override {
      asked = request.asked_address;
      return true;
    }
    Address asked;
  };
  const auto ask = [](Asked& server, const char* host) {
    Socket client(
        server.server_address().family() == Family::inet || *host != ':' ? Family::inet : Family::inet6,
        Type::datagram);
    client.connect({host, server.server_address().port()});
    client.settimeout(std::chrono::seconds(10));
    client.sendall(host);
    server.handle_request();
    EXPECT_EQ(client.recv(100), host);
    EXPECT_EQ(server.asked, Address(host, 0));
  };
  for (const HandlerFactory& make : {HandlerFactory(handler<Echo>), HandlerFactory(handler<Sends>)}) {
    Asked four({"", 0}, make);
    for (const char* host : {"127.0.0.1", "127.0.0.2"}) ask(four, host);
    Asked both({"", 0}, make, {.dualstack_ipv6 = true});
    for (const char* host : {"127.0.0.1", "127.0.0.2", "::1"}) ask(both, host);
    Asked six({"::", 0}, make);
    ask(six, "::1");
  }
}

TEST(BaseServerTest, ADatagramOfNobodyIsServedWithoutAnAnswer) {
  struct Heard : DatagramRequestHandler {
    explicit Heard(std::string& what) : heard(what) {}
    void handle() override { heard = rfile().read(); }
    std::string& heard;
  };
  std::string heard;
  struct Unharmed : UnixDatagramServer {
    using UnixDatagramServer::UnixDatagramServer;
    void handle_error(const Request&, const std::exception_ptr&) override { ADD_FAILURE(); }
  };
  Unharmed server(unused_name(), [&] { return std::make_unique<Heard>(heard); });
  Socket client(Family::local, Type::datagram);
  client.connect(server.server_address());
  client.sendall("hello");
  server.handle_request();
  EXPECT_EQ(heard, "hello");
}

TEST(BaseServerTest, ASignalEndsNoWait) {
  struct Timed : TcpServer {
    using TcpServer::TcpServer;
    void handle_timeout() override { timed_out = true; }
    bool timed_out = false;
  };
  Timed server({"127.0.0.1", 0}, handler<Silent>);
  std::signal(SIGALRM, [](int) {});
  const itimerval often{{0, 2000}, {0, 2000}};
  const itimerval never{};
  ::setitimer(ITIMER_REAL, &often, nullptr);
  server.timeout = 50ms;
  const Time start = system_clock().now();
  server.handle_request();
  ::setitimer(ITIMER_REAL, &never, nullptr);
  std::signal(SIGALRM, SIG_DFL);
  EXPECT_TRUE(server.timed_out);
  EXPECT_GE(system_clock().now() - start, 50ms);
}

TEST(BaseServerTest, TheLongestTimeoutIsLong) {
  struct Timed : TcpServer {
    using TcpServer::TcpServer;
    void handle_timeout() override { ADD_FAILURE() << "timed out"; }
  };
  Timed server({"127.0.0.1", 0}, handler<Silent>);
  server.timeout = Duration::max();
  static std::atomic<int> signals;
  signals = 0;
  std::signal(SIGALRM, [](int) { ++signals; });
  const itimerval often{{0, 2000}, {0, 2000}};
  const itimerval never{};
  ::setitimer(ITIMER_REAL, &often, nullptr);
  auto asked = std::async(std::launch::async, [&] {
    while (signals < 10) std::this_thread::yield();
    return client_of(server).recv(10);
  });
  server.handle_request();  // looks at the time after each signal
  ::setitimer(ITIMER_REAL, &never, nullptr);
  std::signal(SIGALRM, SIG_DFL);
  server.server_close();  // nobody waits where this has failed
  EXPECT_EQ(asked.get(), "");
}

TEST(BaseServerTest, ItIsServedByOneAtATime) {
  struct Again : StreamRequestHandler {
    void handle() override {
      EXPECT_THROW(server().serve_forever(), std::logic_error);
      EXPECT_THROW(server().handle_request(), std::logic_error);
    }
  };
  TcpServer server({"127.0.0.1", 0}, handler<Again>);
  const Socket client = client_of(server);
  server.handle_request();
}

TEST(BaseServerTest, NotInsideAReactor) {
  TcpServer server({"127.0.0.1", 0}, handler<Silent>);
  const InsideReactor inside;
  EXPECT_THROW(server.serve_forever(), std::logic_error);
}

}  // namespace
}  // namespace parley
