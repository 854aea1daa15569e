#pragma once

// For the tests of child processes: protocols that note what they are told, over each kind of reactor.

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <functional>
#include <gtest/gtest.h>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "parley/base/recording_log_fixture.h"
#include "parley/process/children_fixture.h"
#include "parley/reactor/process.h"
#include "parley/reactor/reactor.h"

namespace parley::testing_process {

// What a protocol was told, in order, and what it does then.
struct Story {
  std::vector<std::string> told;
  std::string out, err;
  std::map<std::string, std::function<void(ProcessTransport&)>> at;
  std::size_t most_at_once = 0;
  bool inside = false;
  bool gone = false;

  bool has(const std::string& what) const { return std::ranges::find(told, what) != told.end(); }
};

class Player : public ProcessProtocol {
 public:
  explicit Player(Story& story) : story_(story) {}
  ~Player() override { story_.gone = true; }

 private:
  void connection_made() override { tell("made"); }
  void out_received(std::span<char> lent) override { take(lent, story_.out, "out"); }
  void err_received(std::span<char> lent) override { take(lent, story_.err, "err"); }
  void pause_writing() override { tell("pause"); }
  void resume_writing() override { tell("resume"); }
  void in_ended() override { tell("in ended"); }
  void out_ended() override { tell("out ended"); }
  void err_ended() override { tell("err ended"); }
  void process_exited(const ProcessStatus& status) override { tell(concat("exited: ", status), "exited"); }
  void process_ended(const ProcessStatus& status) override { tell(concat("ended: ", status), "ended"); }

  void take(std::span<char> lent, std::string& into, const std::string& what) {
    into.append(lent.data(), lent.size());
    story_.most_at_once = std::max(story_.most_at_once, lent.size());
    std::ranges::fill(lent, '#');  // it is ours for the call
    act(what);
  }
  void tell(const std::string& what) { tell(what, what); }
  void tell(const std::string& what, const std::string& name) {
    EXPECT_EQ(story_.told.empty(), what == "made") << what;
    EXPECT_FALSE(std::ranges::any_of(story_.told, [](auto& one) { return one.starts_with("ended"); }))
        << what;
    story_.told.push_back(what);
    act(name);
  }
  void act(const std::string& name) {
    EXPECT_FALSE(story_.inside) << "called from inside a call: " << name;
    story_.inside = true;
    struct Leave {
      bool& inside;
      ~Leave() { inside = false; }
    } const leave{story_.inside};
    if (const auto found = story_.at.find(name); found != story_.at.end()) found->second(transport());
  }

  Story& story_;
};

inline std::size_t open_descriptors() {
  using Folder = std::filesystem::directory_iterator;
  return static_cast<std::size_t>(std::distance(Folder("/proc/self/fd"), Folder()));
}

class ProcessFixture : public testing::TestWithParam<Reactor::Kind> {
 protected:
  ProcessFixture() {
    let_go_of_dropped();  // by another test
    start({});
  }

  void start(const Limits& limits) {
    reactor_.reset();
    reactor_ = std::make_unique<Reactor>(GetParam(), ReactorSettings{.limits = limits, .log = &log_});
  }
  Process spawn(Story& story, const std::vector<std::string>& arguments, const SpawnSettings& settings = {}) {
    return spawn_process(*reactor_, std::make_unique<Player>(story), arguments, settings);
  }
  Process shell(Story& story, const std::string& script, const SpawnSettings& settings = {}) {
    return spawn(story, {"/bin/sh", "-c", script}, settings);
  }
  // Turns until it is so.
  bool until(const std::function<bool()>& so) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!so()) {
      if (std::chrono::steady_clock::now() > end) return false;
      reactor_->turn(std::chrono::milliseconds(20));
    }
    return true;
  }
  bool until_gone(const Story& story) {
    return until([&] { return story.gone; });
  }
  void run_out() {
    reactor_->stop();
    reactor_->run();
  }

  RecordingLog log_;
  std::unique_ptr<Reactor> reactor_;
};

inline std::string kind_name(const testing::TestParamInfo<Reactor::Kind>& kind) {
  return kind.param == Reactor::epoll ? "epoll" : kind.param == Reactor::poll ? "poll" : "select";
}
inline const auto every_kind = testing::Values(Reactor::epoll, Reactor::poll, Reactor::select);

}  // namespace parley::testing_process
