#include "parley/reactor/resolver.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <optional>
#include <unistd.h>

#include "parley/reactor/connect/name_server_fixture.h"
#include "parley/socket/error.h"

namespace parley {
namespace {

using namespace std::chrono_literals;
using Question = NameServer::Question;

// Real time, with a server that is asked again after a few hundredths of a second.
class Resolving : public testing::TestWithParam<Reactor::Kind> {
 protected:
  void serve(NameServer::Answer answer, std::string hosts_file = "/nonexistent") {
    server_.emplace(reactor_, std::move(answer));
    ask({.servers = {server_->at()}, .timeout = 60ms, .tries = 2, .hosts_file = std::move(hosts_file)});
  }
  void ask(const ResolverSettings& settings) { reactor_.install_resolver(make_resolver(reactor_, settings)); }

  bool until(const std::function<bool()>& so) {
    const auto patience = std::chrono::steady_clock::now() + 20s;
    while (!so()) {
      if (std::chrono::steady_clock::now() > patience) return false;
      reactor_.turn(10ms);
    }
    return true;
  }

  Resolver::Answer look_up(const std::string& host, Family family = Family::inet) {
    std::optional<Resolver::Answer> answer;
    reactor_.resolver().look_up(host, family, [&](Resolver::Answer with) { answer = std::move(with); });
    EXPECT_FALSE(answer) << "told from inside the call";
    EXPECT_TRUE(until([&] { return answer.has_value(); })) << host;
    return *answer;
  }
  std::string reason(const std::string& host) {
    const Resolver::Answer answer = look_up(host);
    return answer ? "found" : answer.error().message();
  }
  static std::optional<std::string> four(const Question& question) {
    if (question.type != NameServer::a) return NameServer::reply(question, {});
    return NameServer::reply(question, {NameServer::record(Address("127.0.0.1", 0))});
  }

  Reactor reactor_{GetParam()};
  std::optional<NameServer> server_;
};
INSTANTIATE_TEST_SUITE_P(Over, Resolving, testing::Values(Reactor::epoll, Reactor::poll, Reactor::select),
                         [](const auto& kind) {
                           return std::string(kind.param == Reactor::epoll  ? "epoll"
                                              : kind.param == Reactor::poll ? "poll"
                                                                            : "select");
                         });

TEST_P(Resolving, WhoeverIsToldMayDropTheResolver) {
  auto resolver = make_resolver(reactor_, {.hosts_file = "/nonexistent"});
  int told = 0;
  for (int i = 0; i < 3; ++i) {
    resolver->look_up("localhost", Family::inet, [&](const Resolver::Answer&) {
      ++told;
      resolver.reset();
    });
  }
  EXPECT_TRUE(until([&] { return told > 0; }));
  for (int i = 0; i < 3; ++i) reactor_.turn(0s);
  EXPECT_EQ(told, 1);
}

TEST_P(Resolving, TheAddressesOfEitherFamily) {
  serve([](const Question& question) {
    const bool a = question.type == NameServer::a;
    return NameServer::reply(question, a ? std::vector{NameServer::record(Address("192.0.2.1", 0)),
                                                       NameServer::record(Address("192.0.2.2", 0))}
                                         : std::vector{NameServer::record(Address("2001:db8::1", 0))});
  });
  Resolver::Answer answer = look_up("tower.example");
  ASSERT_TRUE(answer);
  std::ranges::sort(*answer);
  EXPECT_EQ(*answer, (std::vector<Address>{{"192.0.2.1", 0}, {"192.0.2.2", 0}}));
  answer = look_up("tower.example", Family::inet6);
  ASSERT_TRUE(answer);
  EXPECT_EQ(*answer, (std::vector<Address>{{"2001:db8::1", 0}}));
  for (const Question& question : server_->questions()) EXPECT_EQ(question.name, "tower.example");
  EXPECT_EQ(server_->questions().size(), 2U) << "each is asked once";
}

TEST_P(Resolving, AnIPv4MappedAddressIsNoIPv6One) {
  serve([](const Question& question) {
    const std::string mapped = inet_pton(Family::inet6, "::ffff:192.0.2.1");
    return NameServer::reply(question, {NameServer::record(NameServer::aaaa, mapped)});
  });
  const Resolver::Answer answer = look_up("tower.example", Family::inet6);
  EXPECT_FALSE(answer) << answer->front();
}

TEST_P(Resolving, EachWayOfHavingNone) {
  int code = 3;
  serve([&](const Question& question) { return NameServer::reply(question, {}, code); });
  EXPECT_EQ(reason("tower.example"), "Name or service not known");
  code = 0;
  EXPECT_EQ(reason("tower.example"), "No address associated with hostname");
  code = 2;
  EXPECT_EQ(reason("tower.example"), "Temporary failure in name resolution");
  const std::size_t asked = server_->questions().size();
  EXPECT_EQ(reason(std::string("a\0b", 3)), "Name or service not known");
  EXPECT_EQ(reason(std::string(300, 'a')), "Name or service not known");
  EXPECT_EQ(reason("a..b"), "Name or service not known");
  EXPECT_EQ(server_->questions().size(), asked);
}

TEST_P(Resolving, AServerThatNeverAnswers) {
  serve([](const Question&) { return std::nullopt; });
  const Resolver::Answer answer = look_up("tower.example");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error(), std::errc::timed_out);
  EXPECT_EQ(server_->questions().size(), 2U) << "tries";
}

TEST_P(Resolving, AServerThatIsNotThere) {
  ask({.servers = {"127.0.0.1:1"}, .timeout = 60ms, .tries = 2, .hosts_file = "/nonexistent"});
  EXPECT_EQ(reason("tower.example"), "Temporary failure in name resolution");
}

TEST_P(Resolving, AServerThatAnswersLateIsAskedAgain) {
  int times = 0;
  serve([&](const Question& question) { return ++times == 1 ? std::nullopt : four(question); });
  const Resolver::Answer answer = look_up("tower.example");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer.value().front(), Address("127.0.0.1", 0));
  EXPECT_EQ(times, 2);
}

TEST_P(Resolving, AnswersToOtherQuestionsDoNotCount) {
  serve([](Question question) {
    if (question.name == "other.example") {
      ++question.text[1];  // of the name, so that it is another
    } else if (question.name == "id.example") {
      ++question.id[0];
    } else {
      return std::optional<std::string>("garbage");
    }
    return four(question);
  });
  for (const char* host : {"other.example", "id.example", "garbage.example"}) {
    const Resolver::Answer answer = look_up(host);
    EXPECT_FALSE(answer) << host;
  }
}

TEST_P(Resolving, WhatIsCutOffIsAskedForOverTcp) {
  serve([](const Question& question) {
    return question.over_tcp ? four(question) : NameServer::reply(question, {}, 0, true);
  });
  const Resolver::Answer answer = look_up("tower.example");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer.value().front(), Address("127.0.0.1", 0));
  EXPECT_TRUE(server_->questions().back().over_tcp);
}

TEST_P(Resolving, TheHostsFileComesFirstAndCountsForBothFamilies) {
  const std::string path =
      testing::TempDir() + "parley_hosts_" + std::to_string(::getpid()) + "_" + std::to_string(GetParam());
  std::ofstream(path) << "192.0.2.7 tower.example\n";
  serve(four, path);
  EXPECT_EQ(*look_up("Tower.Example"), (std::vector<Address>{{"192.0.2.7", 0}}));
  EXPECT_FALSE(look_up("tower.example", Family::inet6));
  EXPECT_EQ(*look_up("localhost"), (std::vector<Address>{{"127.0.0.1", 0}}));
  EXPECT_TRUE(server_->questions().empty());
  std::filesystem::remove(path);
  EXPECT_EQ(*look_up("tower.example"), (std::vector<Address>{{"127.0.0.1", 0}})) << "it is gone";
}

// A system whose configuration changes under a program that runs. Both servers are asked at one port.
class Configured : public Resolving {
 protected:
  Configured() {
    server_.emplace(reactor_, answers(first_));
    other_.emplace(reactor_, answers(second_), Address("127.0.0.2", server_->port()));
    name("127.0.0.1");
    ask({.port = server_->port(),
         .timeout = 100ms,
         .tries = 5,
         .hosts_file = folder_ + "hosts",
         .resolv_conf = folder_ + "resolv"});
  }
  ~Configured() override {
    for (const char* file : {"hosts", "resolv"}) std::filesystem::remove(folder_ + file);
  }

  void name(const std::string& server) {
    std::ofstream(folder_ + "resolv") << "nameserver " << server << "\nsearch example\n";
  }
  std::string found(const std::string& host) {
    const Resolver::Answer answer = look_up(host);
    return answer ? answer->front().host() : answer.error().message();
  }
  static NameServer::Answer answers(std::optional<std::string>& address) {
    return [&address](const Question& question) -> std::optional<std::string> {
      if (!address) return std::nullopt;
      if (question.type != NameServer::a) return NameServer::reply(question, {});
      return NameServer::reply(question, {NameServer::record(Address(*address, 0))});
    };
  }

  const std::string folder_ = testing::TempDir() + "parley_resolver_" + std::to_string(::getpid()) + "_" +
                              std::to_string(GetParam()) + "_";
  std::optional<std::string> first_ = "192.0.2.1";
  std::optional<std::string> second_ = "192.0.2.2";
  std::optional<NameServer> other_;
};
INSTANTIATE_TEST_SUITE_P(Over, Configured, testing::Values(Reactor::epoll, Reactor::poll, Reactor::select),
                         [](const auto& kind) {
                           return std::string(kind.param == Reactor::epoll  ? "epoll"
                                              : kind.param == Reactor::poll ? "poll"
                                                                            : "select");
                         });

TEST_P(Configured, ServersThatHaveChangedAreAskedFromThenOn) {
  EXPECT_EQ(found("tower.example"), "192.0.2.1");
  name("127.0.0.2");
  EXPECT_EQ(found("tower.example"), "192.0.2.2");
  EXPECT_EQ(server_->questions().size(), 1U);
  std::ofstream(folder_ + "resolv.new") << "nameserver 127.0.0.1\n";  // as most programs write it
  std::filesystem::rename(folder_ + "resolv.new", folder_ + "resolv");
  EXPECT_EQ(found("tower.example"), "192.0.2.1");
}

TEST_P(Configured, TheSearchListChangesToo) {
  EXPECT_EQ(found("tower"), "192.0.2.1");
  EXPECT_EQ(server_->questions().back().name, "tower.example");
  std::ofstream(folder_ + "resolv") << "nameserver 127.0.0.1\nsearch example.org\n";
  EXPECT_EQ(found("tower"), "192.0.2.1");
  EXPECT_EQ(server_->questions().back().name, "tower.example.org");
}

TEST_P(Configured, ServersThatComeWhenTheProgramRunsAlready) {
  std::filesystem::remove(folder_ + "resolv");
  ask({.port = server_->port(),
       .timeout = 60ms,
       .tries = 1,
       .hosts_file = "",
       .resolv_conf = folder_ + "resolv"});
  first_.reset();  // c-ares asks this machine where nobody is named
  EXPECT_NE(found("tower.example"), "192.0.2.2");
  name("127.0.0.2");
  EXPECT_EQ(found("tower.example"), "192.0.2.2");
}

TEST_P(Configured, WhatIsAskedAlreadyIsAnsweredByWhomItWasAsked) {
  first_.reset();
  std::vector<std::string> told;
  const auto ask_for = [&](const std::string& host) {
    return reactor_.resolver().look_up(host, Family::inet, [&told, host](const Resolver::Answer& answer) {
      told.push_back(host + ": " + (answer ? answer->front().host() : answer.error().message()));
    });
  };
  ask_for("slow.example");
  const Resolver::Id dropped = ask_for("dropped.example");
  ASSERT_TRUE(until([&] { return server_->questions().size() >= 2; }));
  name("127.0.0.2");
  ask_for("quick.example");
  reactor_.resolver().cancel(dropped);
  ASSERT_TRUE(until([&] { return !told.empty(); }));
  EXPECT_EQ(told, (std::vector<std::string>{"quick.example: 192.0.2.2"}));
  first_ = "192.0.2.1";  // when it is asked again
  ASSERT_TRUE(until([&] { return told.size() == 2; }));
  EXPECT_EQ(told.back(), "slow.example: 192.0.2.1");
  EXPECT_EQ(other_->questions().size(), 1U);
}

TEST_P(Configured, ItMayGoWithQuestionsToOldServers) {
  first_.reset();
  reactor_.resolver().look_up("slow.example", Family::inet, [](const Resolver::Answer&) { FAIL(); });
  ASSERT_TRUE(until([&] { return !server_->questions().empty(); }));
  name("127.0.0.2");
  EXPECT_EQ(found("tower.example"), "192.0.2.2");
  ask({.servers = {server_->at()}, .hosts_file = ""});  // the one before goes with the reactor
}

TEST_P(Configured, TheHostsFileIsReadAgainWhenItHasChanged) {
  EXPECT_EQ(found("tower.example"), "192.0.2.1");
  for (const char* address : {"192.0.2.7", "192.0.2.8"}) {  // of one size, within one tick of the clock
    std::ofstream(folder_ + "hosts") << address << " tower.example\n";
    EXPECT_EQ(found("tower.example"), address);
  }
  std::filesystem::remove(folder_ + "hosts");
  EXPECT_EQ(found("tower.example"), "192.0.2.1");
}

TEST_P(Configured, ServersOfTheSettingsStay) {
  ask({.servers = {"127.0.0.1"},
       .port = server_->port(),
       .timeout = 100ms,
       .hosts_file = "",
       .resolv_conf = folder_ + "resolv"});
  EXPECT_EQ(found("tower.example"), "192.0.2.1");
  name("127.0.0.2");
  EXPECT_EQ(found("tower.example"), "192.0.2.1");
  EXPECT_TRUE(other_->questions().empty());
}

TEST_P(Resolving, WhatWasCancelledIsNotTold) {
  serve(four);
  bool told = false;
  const Resolver::Id first =
      reactor_.resolver().look_up("one.example", Family::inet, [&](const Resolver::Answer&) { told = true; });
  reactor_.resolver().cancel(first);
  const Resolver::Id here =
      reactor_.resolver().look_up("localhost", Family::inet, [&](const Resolver::Answer&) { told = true; });
  Resolver::Id second = 0;
  bool both = false;
  reactor_.resolver().look_up("localhost", Family::inet, [&](const Resolver::Answer&) {
    both = true;
    reactor_.resolver().cancel(second);  // which has its answer already
  });
  second =
      reactor_.resolver().look_up("localhost", Family::inet, [&](const Resolver::Answer&) { told = true; });
  reactor_.resolver().cancel(here);
  ASSERT_TRUE(look_up("two.example"));
  EXPECT_TRUE(both);
  EXPECT_FALSE(told);
  EXPECT_EQ(server_->questions().size(), 2U);
}

TEST_P(Resolving, NobodyIsToldWhenItGoes) {
  bool told = false;
  {
    Reactor reactor(GetParam(), {.resolver = {.servers = {"127.0.0.1:1"}, .hosts_file = "/nonexistent"}});
    reactor.resolver().look_up("one.example", Family::inet, [&](const Resolver::Answer&) { told = true; });
    const auto own = make_resolver(reactor, {.servers = {"127.0.0.1:1"}, .hosts_file = "/nonexistent"});
    own->look_up("one.example", Family::inet, [&](const Resolver::Answer&) { told = true; });
    own->look_up("localhost", Family::inet, [&](const Resolver::Answer&) { told = true; });
  }
  EXPECT_FALSE(told);
}

TEST_P(Resolving, AWrongServerIsSaidAtOnce) {
  EXPECT_THROW(ask({.servers = {"name.example"}}), std::invalid_argument);
  EXPECT_THROW(ask({.servers = {"127.0.0.1,127.0.0.2"}}), std::invalid_argument);
  EXPECT_NO_THROW(ask({.servers = {"127.0.0.1", "[::1]:5353"}}));
}

// With what connects by name.

class Silent final : public Protocol {
  void data_received(std::span<char>) override {}
};

TEST_P(Resolving, AConnectionByNameWhenHalfOfTheAnswerNeverComes) {
  serve([](const Question& question) {
    return question.type == NameServer::a ? four(question) : std::nullopt;
  });
  Reactor& reactor = reactor_;
  const ListeningPort port = reactor.listen_tcp({"127.0.0.1", 0}, [] { return std::make_unique<Silent>(); });
  const Connector connector =
      reactor.connect_tcp({"tower.example", port.host().port()}, [] { return std::make_unique<Silent>(); });
  ASSERT_TRUE(until([&] { return connector.state() == Connector::State::connected; }));
  EXPECT_EQ(reactor.find(connector.connection())->peer(), port.host());
}

TEST_P(Resolving, AConnectionToANameThatNobodyKnows) {
  serve([](const Question& question) { return NameServer::reply(question, {}, 3); });
  std::string failure;
  reactor_.connect_tcp({"tower.example", 80}, [] { return std::make_unique<Silent>(); },
                       {.failed = [&](const SocketError& error) { failure = error.what(); }});
  ASSERT_TRUE(until([&] { return !failure.empty(); }));
  EXPECT_EQ(failure, "resolve tower.example: Name or service not known");
}

TEST_P(Resolving, AConnectionWhoseDeadlineComesBeforeTheAnswer) {
  serve([](const Question&) { return std::nullopt; });
  std::string failure;
  reactor_.connect_tcp(
      {"tower.example", 80}, [] { return std::make_unique<Silent>(); },
      {.timeout = 20ms, .failed = [&](const SocketError& error) { failure = error.what(); }});
  ASSERT_TRUE(until([&] { return !failure.empty(); }));
  EXPECT_EQ(failure, "connect tower.example:80: timed out after 0.02 s (no name server has answered)");
}

}  // namespace
}  // namespace parley
