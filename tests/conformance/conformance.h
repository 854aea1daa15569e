#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "parley/base/limits.h"
#include "parley/base/log.h"
#include "parley/reactor/reactor.h"
#include "tests/conformance/actor.h"
#include "tests/conformance/inspector.h"
#include "tests/conformance/outside.h"

namespace parley::conformance {

// A reactor on each of the back ends, with peers to talk to it and an inspector in between. Time stands
// still unless a test lets it pass. At the end everything is stopped, and nothing may be left.
class Conformance : public testing::TestWithParam<Setup> {
 protected:
  struct Client {
    std::unique_ptr<Peer> peer;
    Story* story;

    Transport& wire() const { return story->actor->wire(); }
  };

  void SetUp() override { start(); }
  void TearDown() override { finish(); }

  // Begins anew with these limits, for a test that needs its own; before anything else in it.
  void start(const Limits& limits = {}, Duration flush_interval = Duration::zero());
  // Has clients come here from now on: again, where a reactor goes on after it has stopped.
  void listen();
  // Stops the reactor and sees that everything has ended.
  void finish();
  // Destroys the reactor as it is.
  void drop() { reactor_.reset(); }

  Reactor& reactor() { return *reactor_; }
  Outside& outside() { return *outside_; }
  Log& log() { return log_; }
  int port() const { return port_; }

  // A connection that plays `script`; made when this returns.
  Client join(Script script = {}, bool narrow = false);
  // The same, but nothing was waited for.
  Client come(Script script = {}, bool narrow = false);
  // A connection that no listener has accepted: it was adopted. Not made yet when this returns.
  Client adopt(Script script = {});
  // A connection's protocol without a client, for a listener of the test's own.
  std::unique_ptr<Protocol> next_actor();
  Story& new_story() { return stories_.emplace_back(); }

  // One turn, without waiting, and what the peers can do then.
  void turn();
  // Turns until it is so; false when it does not become so.
  bool until(const std::function<bool()>& so);
  // Turns until nothing happens any more.
  void settle();
  // Time passes.
  void pass(Duration time);

  // For listeners of the test's own: the filters that this setup has, if any.
  static Wrap filters();
  bool in_memory() const { return GetParam().memory; }
  bool filtered() const { return GetParam().filtered; }
  bool calm() const { return GetParam().name == "memory_calm" || !in_memory(); }

  Inspector::Counts counts_;
  std::vector<std::string> logged_;

 private:
  class Captured final : public Log {
   public:
    explicit Captured(std::vector<std::string>& lines) : lines_(lines) {}
    void write(Level, std::string_view message) noexcept override { lines_.emplace_back(message); }

   private:
    std::vector<std::string>& lines_;
  };

  Captured log_{logged_};
  std::deque<Story> stories_;
  std::deque<std::pair<Story*, Script>> coming_;
  std::unique_ptr<Outside> outside_;
  std::unique_ptr<Reactor> reactor_;
  int port_ = 0;
};

#define PARLEY_CONFORMANCE(Suite)                                                               \
  INSTANTIATE_TEST_SUITE_P(Over, Suite, testing::ValuesIn(::parley::conformance::all_setups()), \
                           [](const auto& setup) { return setup.param.name; })

// The same under filters, for suites whose connections come from `join`, or have `filters()` for their wrap.
#define PARLEY_CONFORMANCE_UNDER_FILTERS(Suite)                                                              \
  INSTANTIATE_TEST_SUITE_P(UnderFilters, Suite, testing::ValuesIn(::parley::conformance::filtered_setups()), \
                           [](const auto& setup) { return setup.param.name; })

}  // namespace parley::conformance
