#include "parley/service/application.h"

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <iterator>
#include <optional>
#include <pwd.h>
#include <stdexcept>
#include <string>
#include <system_error>
#include <unistd.h>
#include <vector>

#include "parley/base/print.h"
#include "parley/base/recording_log_fixture.h"
#include "parley/process/child.h"
#include "parley/process/pid_file.h"
#include "parley/service/server_service.h"
#include "parley/socket/create.h"
#include "parley/socket/error.h"
#include "parley/socket/socket.h"

namespace parley {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using Told = std::vector<std::string>;

// Calls something at each of its times.
class Calling : public Service {
 public:
  std::function<void()> on_bind = [] {};
  std::function<void()> on_start = [] {};
  std::function<void(ServiceHold)> on_stop = [](const ServiceHold&) {};

 protected:
  void privileged_start() override { on_bind(); }
  void start() override { on_start(); }
  void stop(ServiceHold hold) noexcept override { on_stop(std::move(hold)); }
};

class ApplicationTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "parley-application-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
    pid_file_ = name + "/pid";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  // An application with one service, which notes what it is told.
  Application& make(ApplicationSettings settings = {}) {
    settings.log = &log_;
    settings.name = "test";
    application_.emplace(reactor_, settings);
    service_ = &application_->add<Calling>();
    service_->on_bind = [this] { told_.emplace_back("bind"); };
    service_->on_start = [this] {
      told_.emplace_back("start");
      reactor_.call_when_running([this] { on_running_(); });
    };
    service_->on_stop = [this](const ServiceHold&) { told_.emplace_back("stop"); };
    return *application_;
  }

  std::filesystem::path folder_;
  std::string pid_file_;
  RecordingLog log_;
  Reactor reactor_{Reactor::automatic, {.log = &log_}};
  Told told_;
  std::function<void()> on_running_ = [this] { reactor_.stop(); };
  std::optional<Application> application_;
  Calling* service_ = nullptr;
};

TEST_F(ApplicationTest, RunsItsServicesUntilTheReactorStops) {
  Application& application = make();
  application.run();
  EXPECT_THAT(told_, ElementsAre("bind", "start", "stop"));
  EXPECT_FALSE(application.running());
  application.run();  // and again
  EXPECT_THAT(told_, ElementsAre("bind", "start", "stop", "bind", "start", "stop"));
  EXPECT_THAT(log_.lines, ElementsAre());
}

TEST_F(ApplicationTest, ASignalStopsIt) {
  for (const int signal : {SIGINT, SIGTERM}) {
    on_running_ = [signal] { std::raise(signal); };
    make().run();
  }
  EXPECT_THAT(log_.lines, ElementsAre("test: SIGINT: stopping", "test: SIGTERM: stopping"));
  EXPECT_THAT(told_, ElementsAre("bind", "start", "stop", "bind", "start", "stop"));
  // Afterwards a signal does what it did before.
  EXPECT_EQ(Child([] { return std::raise(SIGTERM); }).wait().signal(), SIGTERM);
}

TEST_F(ApplicationTest, WaitsForServicesThatTakeTheirTime) {
  make();
  bool ended = false;
  service_->on_stop = [&](ServiceHold hold) {
    reactor_.call_later(20ms, [&ended, hold = std::move(hold)] { ended = true; });
  };
  application_->run();
  EXPECT_TRUE(ended);
  EXPECT_EQ(application_->state(), Service::State::stopped);
}

TEST_F(ApplicationTest, ASecondSignalDoesNotWait) {
  make({.drain = 1h});
  ServiceHold kept;
  service_->on_stop = [&](ServiceHold hold) {
    kept = std::move(hold);
    std::raise(SIGINT);
  };
  on_running_ = [] { std::raise(SIGINT); };
  application_->run();
  EXPECT_THAT(log_.lines, ElementsAre("test: SIGINT: stopping", "test: SIGINT: stopping at once",
                                      "not every service has stopped in time"));
  EXPECT_EQ(application_->state(), Service::State::stopping);
}

TEST_F(ApplicationTest, ItsPidFileIsThereWhileItRuns) {
  std::string content;
  on_running_ = [&] {
    std::ifstream file(pid_file_);
    content.assign(std::istreambuf_iterator<char>(file), {});
    reactor_.stop();
  };
  make({.pid_file = pid_file_}).run();
  EXPECT_EQ(content, concat(::getpid(), '\n'));
  EXPECT_FALSE(std::filesystem::exists(pid_file_));

  const PidFile held(pid_file_);
  told_.clear();
  EXPECT_THROW(application_->run(), std::system_error);
  EXPECT_THAT(told_, ElementsAre());
}

TEST_F(ApplicationTest, WhatFailsIsUndone) {
  make({.pid_file = pid_file_});
  ServerService& server = application_->add<ServerService>(
      reactor_, "tcp:0:interface=127.0.0.1", []() -> std::unique_ptr<Protocol> { return nullptr; });
  Calling& last = application_->add<Calling>();
  Address at;
  last.on_start = [&] {
    at = server.host();
    throw std::runtime_error("no");
  };
  EXPECT_THROW(application_->run(), std::runtime_error);
  EXPECT_THAT(told_, ElementsAre("bind", "start", "stop"));
  EXPECT_FALSE(std::filesystem::exists(pid_file_));
  Socket client(Family::inet);
  EXPECT_EQ(client.connect_ex(at), std::errc::connection_refused);
  EXPECT_EQ(Child([] { return std::raise(SIGTERM); }).wait().signal(), SIGTERM);
}

TEST_F(ApplicationTest, AnUnknownUserIsToldBeforeAnythingIsDone) {
  EXPECT_THROW(make({.pid_file = pid_file_, .user = "no-such-user"}).run(), std::invalid_argument);
  EXPECT_THAT(told_, ElementsAre());
}

TEST_F(ApplicationTest, CannotBeRunWhileItRuns) {
  on_running_ = [this] {
    EXPECT_THROW(application_->run(), std::logic_error);
    reactor_.stop();
  };
  make({.signals = false}).run();
  EXPECT_THAT(told_, ElementsAre("bind", "start", "stop"));
}

TEST_F(ApplicationTest, WhatCannotBeDroppedEndsIt) {
  EXPECT_THROW(make({.user = "root"}).run(), std::invalid_argument);
  EXPECT_THAT(told_, ElementsAre("bind", "stop"));
}

TEST_F(ApplicationTest, WatchesNothingAfterwards) {
  Reactor reactor(Reactor::poll);
  Application application(reactor, {});
  reactor.stop();
  application.run();
  auto [first, second] = socketpair();  // with the numbers that the signals' descriptors had
  first.send("x");
  second.send("x");
  reactor.turn(Duration::zero());
  EXPECT_EQ(first.recv(2), "x");
  EXPECT_EQ(second.recv(2), "x");
}

TEST_F(ApplicationTest, TellsTheServiceManager) {
  Socket manager(Family::local, Type::datagram);
  const std::string path = (folder_ / "notify").string();
  manager.bind(Address::local(path));
  manager.setblocking(false);
  const auto next = [&]() -> std::string {
    try {
      return manager.recv(100);
    } catch (const WouldBlock&) {
      return "nothing";
    }
  };
  ::setenv("NOTIFY_SOCKET", path.c_str(), 1);
  make();
  service_->on_start = [&] {
    told_.push_back(next());
    reactor_.call_when_running([this] { on_running_(); });
  };
  on_running_ = [&] {
    told_.push_back(next());
    reactor_.stop();
  };
  service_->on_stop = [&](const ServiceHold&) { told_.push_back(next()); };
  application_->run();
  EXPECT_THAT(told_, ElementsAre("bind", "nothing", "READY=1", "STOPPING=1"));

  manager.close();  // one that has gone keeps nobody from serving
  on_running_ = [this] { reactor_.stop(); };
  make().run();
  ::unsetenv("NOTIFY_SOCKET");
  EXPECT_THAT(log_.lines, testing::SizeIs(2));
}

TEST_F(ApplicationTest, DropsPrivilegesBetweenItsTwoStarts) {
  if (::geteuid() != 0) GTEST_SKIP() << "this is root's";
  const passwd* const nobody = ::getpwnam("nobody");
  if (nobody == nullptr) GTEST_SKIP() << "there is no user nobody";
  const uid_t wanted = nobody->pw_uid;
  Child child([&] {
    Reactor reactor;
    Application application(reactor, {.user = "nobody"});
    auto& service = application.add<Calling>();
    uid_t bound = 1;
    uid_t started = 0;
    service.on_bind = [&] { bound = ::getuid(); };
    service.on_start = [&] {
      started = ::getuid();
      reactor.stop();
    };
    application.run();
    return bound == 0 && started == wanted ? 0 : 1;
  });
  EXPECT_EQ(child.wait().exit_code(), 0);
}

}  // namespace
}  // namespace parley
