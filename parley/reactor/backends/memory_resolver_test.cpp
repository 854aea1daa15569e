#include <algorithm>
#include <functional>
#include <gtest/gtest.h>
#include <memory>
#include <netdb.h>
#include <optional>
#include <string>
#include <vector>

#include "parley/reactor/backends/memory.h"
#include "parley/reactor/reactor.h"
#include "parley/socket/error.h"

namespace parley {
namespace {

class MemoryResolving : public testing::Test {
 protected:
  void use(const MemoryFaults& faults, std::uint64_t seed = 1) {
    reactor_.reset();
    network_ = std::make_unique<MemoryNetwork>(clock_, seed, faults);
    reactor_ = std::make_unique<Reactor>(network_->backend(), ReactorSettings{.clock = &clock_});
    reactor_->install_resolver(network_->resolver(*reactor_));
  }
  void SetUp() override { use(MemoryFaults::calm()); }

  Resolver::Answer look_up(const std::string& host, Family family) {
    std::optional<Resolver::Answer> answer;
    reactor_->resolver().look_up(host, family, [&](Resolver::Answer with) {
      EXPECT_FALSE(answer) << "told twice";
      answer = std::move(with);
    });
    EXPECT_FALSE(answer) << "told from inside the call";
    turns_ = 0;
    for (; turns_ < 1000 && !answer; ++turns_) reactor_->turn(Duration::zero());
    EXPECT_TRUE(answer);
    return answer.value_or(std::make_error_code(std::errc::timed_out));
  }

  ManualClock clock_;
  std::unique_ptr<MemoryNetwork> network_;
  std::unique_ptr<Reactor> reactor_;
  int turns_ = 0;
};

TEST_F(MemoryResolving, KnowsWhatItIsTold) {
  network_->name("a.test", {Address("192.0.2.1", 80), Address("2001:db8::1", 0), Address("192.0.2.2", 0)});
  const Time before = clock_.now();
  EXPECT_EQ(look_up("a.test", Family::inet).value(),
            (std::vector<Address>{Address("192.0.2.1", 0), Address("192.0.2.2", 0)}));
  EXPECT_EQ(look_up("a.test", Family::inet6).value(), std::vector<Address>{Address("2001:db8::1", 0)});
  EXPECT_EQ(look_up("b.test", Family::inet).error(), std::error_code(EAI_NONAME, resolve_category()));
  network_->name("a.test", {Address("192.0.2.3", 0)});
  EXPECT_EQ(look_up("a.test", Family::inet).value(), std::vector<Address>{Address("192.0.2.3", 0)});
  EXPECT_EQ(look_up("a.test", Family::inet6).error(), std::error_code(EAI_NODATA, resolve_category()));
  EXPECT_EQ(clock_.now(), before);
}

TEST_F(MemoryResolving, LateByChance) {
  MemoryFaults faults;
  faults.late = 0.9;
  use(faults, 2);
  network_->name("a.test", {Address("192.0.2.1", 0)});
  int most = 0;
  for (int i = 0; i < 10; ++i) {
    EXPECT_TRUE(look_up("a.test", Family::inet).ok());
    most = std::max(most, turns_);
  }
  EXPECT_GT(most, 5);
}

TEST_F(MemoryResolving, WhatIsCancelledIsNotAnswered) {
  Resolver& resolver = reactor_->resolver();
  const auto id = resolver.look_up("a.test", Family::inet, [](const Resolver::Answer&) { ADD_FAILURE(); });
  resolver.cancel(id);
  resolver.cancel(id);
  for (int i = 0; i < 5; ++i) reactor_->turn(Duration::zero());
  resolver.look_up("b.test", Family::inet, [](const Resolver::Answer&) { ADD_FAILURE(); });
  reactor_.reset();  // which answers nobody
}

}  // namespace
}  // namespace parley
