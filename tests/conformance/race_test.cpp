// Happy eyeballs (RFC 8305): which address of a name is tried when, and who wins.

#include "tests/conformance/connecting.h"

namespace parley::conformance {
namespace {

class Racing : public Connecting {};
PARLEY_CONFORMANCE(Racing);

TEST_P(Racing, BothFamiliesAreAskedForAtOnceAndIPv6IsTriedFirst) {
  script_names();
  const auto [six, four] = listeners();
  connect({"host.example", six->at().port()});
  settle();
  ASSERT_EQ(asked_.size(), 2U);
  EXPECT_EQ(asked_[0].family, Family::inet6);
  EXPECT_EQ(asked_[1].family, Family::inet);
  EXPECT_EQ(asked_[0].host, "host.example");
  answer(Family::inet, std::vector<Address>{{"127.0.0.1", 0}});
  EXPECT_FALSE(story_.made()) << "IPv4 did not wait for IPv6";
  answer(Family::inet6, std::vector<Address>{{"::1", 0}});
  ASSERT_TRUE(until([&] { return story_.made(); }));
  EXPECT_EQ(factory_->told.back(), concat("build ", six->at()));
}

TEST_P(Racing, IPv4DoesNotWaitLongForIPv6) {
  script_names();
  const auto four = listener();
  connect({"host.example", four->at().port()});
  settle();
  answer(Family::inet, std::vector<Address>{{"127.0.0.1", 0}});
  pass(49ms);
  EXPECT_FALSE(story_.made());
  pass(1ms);
  ASSERT_TRUE(until([&] { return story_.made(); }));
  EXPECT_TRUE(asked_.empty()) << "the question is still open";
}

TEST_P(Racing, IPv6DoesNotWaitForIPv4) {
  script_names();
  const auto six = listener("::1");
  connect({"host.example", six->at().port()});
  settle();
  answer(Family::inet6, std::vector<Address>{{"::1", 0}});
  ASSERT_TRUE(until([&] { return story_.made(); }));
}

TEST_P(Racing, TheNextAddressIsTriedWhenOneHasNotAnsweredInTime) {
  script_names();
  const auto [six, four] = listeners(true);
  connect({"host.example", six->at().port()});
  settle();
  answer(Family::inet6, std::vector<Address>{{"::1", 0}});
  answer(Family::inet, std::vector<Address>{{"127.0.0.1", 0}});
  pass(249ms);
  EXPECT_FALSE(story_.made());
  pass(1ms);
  ASSERT_TRUE(until([&] { return story_.made(); }));
  EXPECT_EQ(factory_->told.back(), concat("build ", four->at()));
}

TEST_P(Racing, TheLastAddressHasTheWholeTime) {
  const auto server = deaf("127.0.0.1");
  const Connector connector = connect(server->at());
  settle();
  pass(29s);
  EXPECT_EQ(connector.state(), Connector::State::connecting);
  pass(1s);
  EXPECT_TRUE(factory_->was_timeout);
}

TEST_P(Racing, TheNextAddressIsTriedAtOnceWhenOneFails) {
  script_names();
  const auto four = listener();
  connect({"host.example", four->at().port()});
  settle();
  answer(Family::inet6, std::vector<Address>{{"::1", 0}});
  answer(Family::inet, std::vector<Address>{{"127.0.0.1", 0}});
  ASSERT_TRUE(until([&] { return story_.made(); })) << "no time has passed";
}

TEST_P(Racing, AddressesTakeTurnsByFamily) {
  script_names();
  const int port = free_port();
  connect({"host.example", port});
  settle();
  answer(Family::inet, std::vector<Address>{{"127.0.0.1", 0}, {"127.0.0.2", 0}, {"127.0.0.3", 0}});
  answer(Family::inet6, std::vector<Address>{{"::1", 0}, {"::1", 0}});
  ASSERT_TRUE(until([&] { return factory_->told.back() == "stop"; }));
  const auto refused = [&](const char* host) { return concat(Address(host, port), ": Connection refused"); };
  EXPECT_EQ(factory_->failure, concat("connect host.example:", port, ": Connection refused (", refused("::1"),
                                      "; ", refused("127.0.0.1"), "; ", refused("::1"), "; ",
                                      refused("127.0.0.2"), "; ", refused("127.0.0.3"), ")"));
}

TEST_P(Racing, OneFamilyAloneWhereOnlyThatIsWanted) {
  script_names();
  const auto four = listener();
  connect({"host.example", four->at().port()}, {.family = Family::inet});
  settle();
  ASSERT_EQ(asked_.size(), 1U);
  answer(Family::inet, std::vector<Address>{{"127.0.0.1", 0}});
  ASSERT_TRUE(until([&] { return story_.made(); }));
}

TEST_P(Racing, ANameWithoutAddresses) {
  script_names();
  connect({"host.example", 80});
  settle();
  answer(Family::inet6, std::make_error_code(std::errc::timed_out));
  answer(Family::inet, std::make_error_code(std::errc::host_unreachable));
  ASSERT_EQ(factory_->told.back(), "stop");
  EXPECT_TRUE(factory_->was_resolving);
  EXPECT_EQ(factory_->failure,
            "resolve host.example: No route to host (IPv4: No route to host; IPv6: Connection timed out)");
}

TEST_P(Racing, OneDeadlineForAllOfIt) {
  script_names();
  const auto six = deaf("::1");
  const int port = six->at().port();
  connect({"host.example", port}, {.timeout = 1s});
  settle();
  pass(500ms);
  answer(Family::inet6, std::vector<Address>{{"::1", 0}});
  pass(499ms);
  EXPECT_EQ(factory_->told.back(), "connecting");
  pass(1ms);
  EXPECT_EQ(factory_->told.back(), "stop");
  EXPECT_TRUE(factory_->was_timeout);
  EXPECT_EQ(factory_->failure,
            concat("connect host.example:", port, ": timed out after 1 s ([::1]:", port, ": no answer)"));
  EXPECT_TRUE(asked_.empty());
  connect({"host.example", 80}, {.timeout = 1s});
  settle();
  pass(1s);
  EXPECT_EQ(factory_->failure, "connect host.example:80: timed out after 1 s (no name server has answered)");
}

TEST_P(Racing, ThisMachineForNoHost) {
  const auto four = listener();
  connect({"", four->at().port()});
  ASSERT_TRUE(until([&] { return story_.made(); }));
  EXPECT_EQ(factory_->told.back(), concat("build ", four->at()));
}

}  // namespace
}  // namespace parley::conformance
