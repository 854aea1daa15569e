// A reactor that a fork carries over: what its copy in the child does, and that the two do not disturb each
// other.

#include <array>
#include <csignal>
#include <filesystem>
#include <functional>
#include <gtest/gtest.h>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

#include "parley/base/print.h"
#include "parley/base/recording_log_fixture.h"
#include "parley/process/fork_fixture.h"
#include "parley/process/pipes.h"
#include "parley/reactor/connect/name_server_fixture.h"
#include "parley/reactor/datagram.h"
#include "parley/reactor/process.h"
#include "parley/reactor/reactor.h"
#include "parley/socket/select.h"
#include "parley/socket/socket.h"

namespace parley {
namespace {

using namespace std::chrono_literals;

class Forked : public testing::TestWithParam<Reactor::Kind> {
 protected:
  // Says which process serves it.
  class Named final : public Protocol {
   public:
    explicit Named(Forked& test) : test_(test) {}
    void data_received(std::span<char>) override { transport().write(test_.name()); }
    void connection_lost(Reason) override { ++test_.lost_; }

   private:
    Forked& test_;
  };
  class NamedDatagrams final : public DatagramProtocol {
   public:
    explicit NamedDatagrams(Forked& test) : test_(test) {}
    void datagram_received(std::span<char>, const Address& peer) override {
      transport().write(test_.name(), peer);
      ++test_.lost_;
    }

   private:
    Forked& test_;
  };

  // A pipe that a reactor watches, and how many bytes it was told of.
  struct WatchedPipe {
    explicit WatchedPipe(Reactor& reactor) {
      EXPECT_EQ(::pipe(ends.data()), 0);
      watching = reactor.watch(ends[0], Interest::read, [this](Interest) {
        char byte = 0;
        EXPECT_EQ(::read(ends[0], &byte, 1), 1);
        ++told;
      });
    }
    ~WatchedPipe() {
      watching.stop();
      for (const int end : ends) ::close(end);
    }
    void write() const { EXPECT_EQ(::write(ends[1], "x", 1), 1); }

    std::array<int, 2> ends{};
    int told = 0;
    Watching watching;
  };

  Forked() { start(); }
  ~Forked() override { std::filesystem::remove(path_); }

  void start() { reactor_ = std::make_unique<Reactor>(GetParam(), ReactorSettings{.log = &log_}); }
  std::string name() const { return ::getpid() == test_ ? "parent" : "child"; }
  auto named() {
    return [this] { return std::make_unique<Named>(*this); };
  }
  Address listen() { return (port_ = reactor_->listen_tcp(Address("127.0.0.1", 0), named())).host(); }
  Address listen_at_path() { return (port_ = reactor_->listen_unix(Address::local(path_), named())).host(); }

  bool until(const std::function<bool()>& so) {
    const auto end = std::chrono::steady_clock::now() + 10s;
    while (!so()) {
      if (std::chrono::steady_clock::now() > end) return false;
      reactor_->turn(20ms);
    }
    return true;
  }
  // Serves one client to its end.
  void serve() {
    EXPECT_TRUE(until([this, before = lost_] { return lost_ != before; }));
  }

  static Socket client(const Address& at) {
    Socket socket(at.family());
    socket.settimeout(5s);
    at.family() == Family::local ? socket.connect(at) : socket.connect({at.host(), at.port()});
    return socket;
  }
  static bool readable(const Socket& socket) { return !select({socket}, {}, {}, 0s).read.empty(); }
  // Who serves there, when another process is to.
  static std::string other_at(const Address& at) {
    Socket socket = client(at);
    socket.sendall("who");
    return socket.recv(100);
  }
  // The same when this process is to.
  std::string own_at(const Address& at) {
    Socket socket = client(at);
    const std::string who = own_of(socket);
    socket.close();
    serve();
    return who;
  }
  std::string own_of(Socket& socket) {
    socket.sendall("who");
    return until([&] { return readable(socket); }) ? socket.recv(100) : "nobody";
  }

  const pid_t test_ = ::getpid();
  const std::string path_ = testing::TempDir() + concat("parley_fork_", ::getpid());
  RecordingLog log_;
  int lost_ = 0;
  std::unique_ptr<Reactor> reactor_;
  ListeningPort port_;
};
INSTANTIATE_TEST_SUITE_P(Over, Forked, testing::Values(Reactor::epoll, Reactor::poll, Reactor::select),
                         [](const auto& kind) {
                           return std::string(kind.param == Reactor::epoll  ? "epoll"
                                              : kind.param == Reactor::poll ? "poll"
                                                                            : "select");
                         });

TEST_P(Forked, ServesInTheChildWhenTheParentIsGone) {
  for (const bool local : {false, true}) {
    const Address at = local ? listen_at_path() : listen();
    Fork fork;
    if (fork.in_child()) {
      fork.hear();
      serve();
      reactor_.reset();
      Fork::leave();
    }
    reactor_.reset();
    EXPECT_EQ(std::filesystem::exists(path_), local);
    fork.say("serve");
    EXPECT_EQ(other_at(at), "child");
    EXPECT_TRUE(fork.has_left());
    EXPECT_FALSE(std::filesystem::exists(path_)) << "it was the last to have it";
    start();
  }
}

TEST_P(Forked, ServesInBothAndEachOnItsOwn) {
  const Address at = listen_at_path();
  Socket kept = client(at);
  ASSERT_TRUE(until([&] { return reactor_->connections() == 1; }));
  Fork fork;
  if (fork.in_child()) {
    while (fork.hear() == "serve") {
      serve();
      fork.say("served");
    }
    reactor_.reset();
    fork.say("ended");
    fork.hear();
    Fork::leave();
  }
  EXPECT_EQ(own_at(at), "parent");
  fork.say("serve");
  EXPECT_EQ(other_at(at), "child");
  EXPECT_EQ(fork.hear(), "served");
  EXPECT_EQ(own_at(at), "parent");
  fork.say("serve");
  EXPECT_EQ(other_at(at), "child");
  EXPECT_EQ(fork.hear(), "served");
  fork.say("end");
  EXPECT_EQ(fork.hear(), "ended");
  EXPECT_EQ(own_at(at), "parent");
  EXPECT_EQ(own_of(kept), "parent") << "it is as it was before the fork";
  fork.say("leave");
  EXPECT_TRUE(fork.has_left());
  EXPECT_TRUE(std::filesystem::exists(path_));
  reactor_.reset();
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_P(Forked, InACallbackLeavesTheParentsWatchesAlone) {
  const Address at = listen();
  WatchedPipe pipe(*reactor_);
  std::optional<Fork> fork;
  Address others;
  reactor_->call_later(0ms, [&] {
    fork.emplace();
    if (!fork->in_child()) return;
    pipe.watching.stop();
    port_.stop_listening();
    others = listen();
  });
  EXPECT_TRUE(until([&] { return fork.has_value(); }));
  if (fork->in_child()) {
    fork->say(concat(others.port()));
    serve();
    Fork::leave();
  }
  EXPECT_EQ(other_at(Address("127.0.0.1", std::stoi(fork->hear()))), "child");
  EXPECT_TRUE(fork->has_left());
  pipe.write();
  EXPECT_TRUE(until([&] { return pipe.told == 1; }));
  EXPECT_EQ(own_at(at), "parent");
}

TEST_P(Forked, WhatTheChildHasTurnedAndThenStopsGoesOnInTheParent) {
  const Address at = listen();
  WatchedPipe pipe(*reactor_);
  reactor_->turn(0ms);
  Fork fork;
  if (fork.in_child()) {
    reactor_->turn(0ms);
    pipe.watching.stop();
    port_.stop_listening();
    reactor_->turn(0ms);
    Fork::leave();
  }
  EXPECT_TRUE(fork.has_left());
  pipe.write();
  EXPECT_TRUE(until([&] { return pipe.told == 1; }));
  EXPECT_EQ(own_at(at), "parent");
}

TEST_P(Forked, TimersAndPostedCallsGoOnInBoth) {
  std::string told;
  // Whichever of the two comes first: a fork may take longer than the timer.
  reactor_->call_later(1ms, [&] { told += "timer "; });
  std::thread([&] { reactor_->post([&] { told += "posted"; }); }).join();
  Fork fork;
  EXPECT_TRUE(until([&] { return told.size() == 12; }));
  EXPECT_TRUE(told == "timer posted" || told == "postedtimer ") << told;
  told.clear();
  if (fork.in_child()) {
    std::thread other([&] { reactor_->post([&] { told += " thread"; }); });
    until([&] { return !told.empty(); });
    other.join();
    fork.say(told);
    Fork::leave();
  }
  EXPECT_EQ(fork.hear(), " thread");
  EXPECT_TRUE(fork.has_left());
}

TEST_P(Forked, InACallbackLeavesTheParentsWakeUpToIt) {
  std::array<int, 2> ends;
  ASSERT_EQ(::pipe(ends.data()), 0);
  std::optional<Fork> fork;
  int posted = 0;
  const auto post = [&] { std::thread([&] { reactor_->post([&] { ++posted; }); }).join(); };
  // Both are ready at once: the child comes to the wake-up in the batch that it was forked in, when the
  // parent has been woken once more.
  Watching watching = reactor_->watch(ends[0], Interest::read, [&](Interest) {
    watching.stop();
    fork.emplace();
    if (fork->in_child()) fork->hear();
  });
  ASSERT_EQ(::write(ends[1], "x", 1), 1);
  post();
  EXPECT_TRUE(until([&] { return fork.has_value(); }));
  if (fork->in_child()) {
    until([&] { return posted == 1; });
    fork->say(concat(posted));
    Fork::leave();
  }
  EXPECT_TRUE(until([&] { return posted == 1; }));
  post();
  fork->say("go on");
  EXPECT_EQ(fork->hear(), "1");
  EXPECT_TRUE(fork->has_left());
  EXPECT_TRUE(until([&] { return posted == 2; }));
  for (const int end : ends) ::close(end);
}

TEST_P(Forked, ASignalIsToldToTheProcessThatItCameTo) {
  int told = 0;
  [[maybe_unused]] SignalHandler handler = reactor_->on_signal(Signal::user1, [&] { ++told; });
  Fork fork;
  if (fork.in_child()) {
    ::raise(SIGUSR1);
    fork.say("raised");
    fork.hear();
    until([&] { return told == 1; });
    fork.say(concat(told));
    Fork::leave();
  }
  EXPECT_EQ(fork.hear(), "raised");
  for (int i = 0; i < 3; ++i) reactor_->turn(0ms);
  EXPECT_EQ(told, 0);
  fork.say("go on");
  EXPECT_EQ(fork.hear(), "1");
  EXPECT_TRUE(fork.has_left());
  ::raise(SIGUSR1);
  EXPECT_TRUE(until([&] { return told == 1; }));
}

TEST_P(Forked, CallsThatAreInThreadsOfTheParentAreToldAsStopped) {
  std::array<int, 2> gate;
  ASSERT_EQ(::pipe(gate.data()), 0);
  std::string told;
  const auto work = [&] {
    char byte = 0;
    return ::read(gate[0], &byte, 1) == 1;
  };
  const auto note = [&](auto outcome) {
    try {
      told += outcome.get() ? "done " : "failed ";
    } catch (const ThreadPoolStopped&) {
      told += "stopped ";
    }
  };
  reactor_->call_in_thread(work, note);
  Fork fork;
  if (fork.in_child()) {
    reactor_->call_in_thread([] { return true; }, note);
    until([&] { return told.size() > 10; });
    reactor_->stop(20s);
    reactor_->run();
    fork.say(told);
    reactor_.reset();
    Fork::leave();
  }
  EXPECT_EQ(fork.hear(), "stopped done ");
  EXPECT_TRUE(fork.has_left());
  ASSERT_EQ(::write(gate[1], "x", 1), 1);
  EXPECT_TRUE(until([&] { return !told.empty(); }));
  EXPECT_EQ(told, "done ");
  reactor_.reset();
  for (const int end : gate) ::close(end);
}

TEST_P(Forked, ANameThatIsBeingLookedUpIsAskedForByBoth) {
  Reactor servers(GetParam());
  NameServer server(servers, [](const NameServer::Question& question) {
    return NameServer::reply(question, {NameServer::record(Address("127.0.0.9", 0))});
  });
  reactor_->install_resolver(make_resolver(
      *reactor_, {.servers = {server.at()}, .timeout = 20s, .tries = 1, .hosts_file = "/nonexistent"}));
  std::string answers;
  const auto look_up = [&](const std::string& host) {
    reactor_->resolver().look_up(host, Family::inet, [&](const Resolver::Answer& answer) {
      answers += answer ? concat(answer->front()) : answer.error().message();
    });
  };
  look_up("open.test");
  reactor_->turn(0ms);
  Fork fork;
  if (fork.in_child()) {
    reactor_->turn(0ms);
    fork.say("asked");
    until([&] { return !answers.empty(); });
    look_up("new.test");
    until([&] { return answers.size() > 11; });
    fork.say(answers);
    Fork::leave();
  }
  EXPECT_EQ(fork.hear(), "asked");
  for (int i = 0; i < 1000 && !fork.heard(0); ++i) servers.turn(10ms);
  EXPECT_EQ(fork.hear(), "127.0.0.9:0127.0.0.9:0");
  EXPECT_TRUE(until([&] { return !answers.empty(); })) << "the child has taken the answer";
  EXPECT_EQ(answers, "127.0.0.9:0");
  EXPECT_TRUE(fork.has_left());
  EXPECT_EQ(server.questions().size(), 3U);
}

class Copying final : public ProcessProtocol {
 public:
  explicit Copying(std::string& told) : told_(told) {}
  void out_received(std::span<char> lent) override { told_.append(lent.data(), lent.size()); }
  void process_ended(const ProcessStatus& status) override { told_ += concat(status); }

 private:
  std::string& told_;
};

TEST_P(Forked, TheParentsChildProcessesAreLeftToIt) {
  std::string told;
  Process cat = spawn_process(*reactor_, std::make_unique<Copying>(told), {"cat"});
  reactor_->turn(0ms);
  Fork fork;
  if (fork.in_child()) {
    told = cat.transport()->kill() ? "killed " : "not killed ";
    until([&] { return cat.transport() == nullptr; });
    reactor_.reset();
    fork.say(told);
    Fork::leave();
  }
  EXPECT_EQ(fork.hear(), concat("not killed ", ProcessStatus(ProcessStatus::Kind::left)));
  EXPECT_TRUE(fork.has_left());
  ASSERT_NE(cat.transport(), nullptr);
  cat.transport()->write("here ");
  EXPECT_TRUE(until([&] { return told == "here "; }));
  cat.transport()->close_stdin();
  EXPECT_TRUE(until([&] { return cat.transport() == nullptr; }));
  EXPECT_EQ(told, "here exit status 0");
}

TEST_P(Forked, DatagramsAreAnsweredByTheChildWhenTheParentIsGone) {
  const DatagramPort datagrams =
      reactor_->listen_udp(Address("127.0.0.1", 0), std::make_unique<NamedDatagrams>(*this));
  const Address at = datagrams.transport()->host();
  reactor_->turn(0ms);
  Fork fork;
  if (fork.in_child()) {
    fork.hear();
    serve();
    Fork::leave();
  }
  reactor_.reset();
  fork.say("serve");
  Socket socket(Family::inet, Type::datagram);
  socket.settimeout(5s);
  socket.sendto("who", at);
  EXPECT_EQ(socket.recv(100), "child");
  EXPECT_TRUE(fork.has_left());
}

}  // namespace
}  // namespace parley
