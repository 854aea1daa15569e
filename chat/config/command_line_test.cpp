#include "chat/config/command_line.h"

#include <chrono>
#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <initializer_list>
#include <string>
#include <vector>

namespace chat {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::StartsWith;

Invocation invoke(std::initializer_list<const char*> arguments) {
  std::vector<const char*> argv = {"parleyd"};
  argv.insert(argv.end(), arguments);
  return read_command_line(static_cast<int>(argv.size()), argv.data());
}

std::string refusal(std::initializer_list<const char*> arguments) {
  try {
    invoke(arguments);
    return {};
  } catch (const ConfigError& error) {
    const std::string what = error.what();
    EXPECT_EQ(what.find('\n'), std::string::npos) << "one line: " << what;
    return what;
  }
}

std::vector<std::string> endpoints(const Config& config) {
  std::vector<std::string> endpoints;
  for (const ListenerConfig& listener : config.listeners)
    endpoints.push_back(parley::concat(listener.endpoint));
  return endpoints;
}

// A configuration file that goes with the test.
class File {
 public:
  explicit File(const std::string& text)
      : path_(testing::TempDir() + "parleyd-" +
              testing::UnitTest::GetInstance()->current_test_info()->name() + ".toml") {
    std::ofstream(path_) << text;
  }
  ~File() { std::filesystem::remove(path_); }
  const char* path() const { return path_.c_str(); }

 private:
  std::string path_;
};

TEST(CommandLineTest, WithoutOptionsTheDefaultsHold) {
  const Config config = invoke({}).config;
  EXPECT_THAT(endpoints(config), testing::ElementsAre("tcp:2626:interface=127.0.0.1"));
  EXPECT_TRUE(config.chat);
}

TEST(CommandLineTest, OptionsAreRead) {
  const Config config = invoke({"--listen", "line://[::]:0", "--listen=line+unix:/tmp/p.sock:mode=600",
                                "--listen", "line://10.0.0.1", "--listen", "line+systemd:0", "--reactor",
                                "select", "--log-level", "debug", "--flush-interval", "10ms", "--quiet"})
                            .config;
  EXPECT_THAT(endpoints(config), testing::ElementsAre(R"(tcp:0:interface=\:\:)", "unix:/tmp/p.sock:mode=600",
                                                      "tcp:2626:interface=10.0.0.1", "systemd:0"));
  EXPECT_EQ(config.reactor, parley::Reactor::select);
  EXPECT_EQ(config.log_level, parley::Level::debug);
  EXPECT_EQ(config.flush_interval, 10ms);
  EXPECT_FALSE(config.chat);
}

TEST(CommandLineTest, OfAnOptionGivenTwiceTheLastCounts) {
  const Config config = invoke({"--reactor", "poll", "--quiet", "--reactor", "epoll", "--quiet"}).config;
  EXPECT_EQ(config.reactor, parley::Reactor::epoll);
  EXPECT_FALSE(config.chat);
}

TEST(CommandLineTest, CountsMoreThanTheFile) {
  const File file(
      "[server]\nreactor = 'poll'\nflush_interval = '5ms'\n[[listener]]\nport = 1\n[[listener]]\nport = 2\n"
      "[log]\nlevel = 'warn'\n");
  const Config from_file = invoke({"--config", file.path()}).config;
  EXPECT_THAT(endpoints(from_file),
              testing::ElementsAre("tcp:1:interface=127.0.0.1", "tcp:2:interface=127.0.0.1"));
  EXPECT_EQ(from_file.reactor, parley::Reactor::poll);

  const Config both = invoke({"--listen", "line://127.0.0.1:3", "--config", file.path(), "--flush-interval",
                              "0ms", "--reactor", "auto"})
                          .config;
  EXPECT_THAT(endpoints(both), testing::ElementsAre("tcp:3:interface=127.0.0.1"));
  EXPECT_EQ(both.flush_interval, 0ms);
  EXPECT_EQ(both.reactor, parley::Reactor::automatic);
  EXPECT_EQ(both.log_level, parley::Level::warn);
}

TEST(CommandLineTest, ListenersOfTlsHaveTheCertificateThatIsNamed) {
  const Config config =
      invoke({"--listen", "line+tls://127.0.0.1:1", "--tls-cert=/c.pem", "--tls-key", "/k.pem", "--client-ca",
              "/ca.pem", "--listen", "line+tls://[::1]", "--listen", "line://127.0.0.1:2", "--listen",
              "line+tls:3:interface=127.0.0.1:cert=/other.pem"})
          .config;
  EXPECT_THAT(endpoints(config),
              testing::ElementsAre("tcp:1:interface=127.0.0.1", R"(tcp:2626:interface=\:\:1)",
                                   "tcp:2:interface=127.0.0.1", "tcp:3:interface=127.0.0.1"));
  const TlsConfig named{"/c.pem", "/k.pem", "/ca.pem"};
  const TlsConfig other{"/other.pem", "", ""};
  EXPECT_EQ(config.listeners[0].tls, named);
  EXPECT_EQ(config.listeners[1].tls, named);
  EXPECT_EQ(config.listeners[2].tls, std::nullopt);
  EXPECT_EQ(config.listeners[3].tls, other);
}

TEST(CommandLineTest, ACertificateThatNobodyWouldSeeIsAMistake) {
  EXPECT_THAT(
      refusal({"--listen", "line+tls://127.0.0.1:1"}),
      StartsWith("--listen line+tls://127.0.0.1:1: there is no certificate for it, as in --tls-cert"));
  EXPECT_EQ(refusal({"--listen", "line://127.0.0.1:1", "--tls-cert", "/c.pem"}),
            "--tls-cert is for --listen line+tls://ADDRESS:PORT, and there is none");
  EXPECT_EQ(refusal({"--tls-cert", "/c.pem"}),
            "--tls-cert is for --listen line+tls://ADDRESS:PORT, and there is none");
  EXPECT_EQ(refusal({"--listen", "line+tls://127.0.0.1:1", "--tls-key", "/k.pem"}),
            "--tls-key and --client-ca are nothing without --tls-cert FILE");
}

TEST(CommandLineTest, HelpAndVersionAreOnlySaid) {
  const std::string help = invoke({"--help"}).say;
  for (const char* option : {"--config", "--listen", "--tls-cert", "--tls-key", "--client-ca", "--reactor",
                             "--log-level", "--flush-interval", "--quiet"}) {
    EXPECT_THAT(help, HasSubstr(option));
  }
  EXPECT_EQ(invoke({"--version"}).say, "parleyd " PARLEY_VERSION "\n");
}

TEST(CommandLineTest, WhatIsUnknownIsToldWithTheNearest) {
  EXPECT_EQ(refusal({"--lisen", "line://127.0.0.1:1"}),
            "unknown option --lisen; the nearest is --listen, parleyd --help lists them all");
  EXPECT_EQ(refusal({"--quite=1"}),
            "unknown option --quite; the nearest is --quiet, parleyd --help lists them all");
  EXPECT_EQ(refusal({"2626"}), "\"2626\" is no option; parleyd --help lists them");
  EXPECT_EQ(refusal({"--listen", "line://127.0.0.1:1", "line://127.0.0.1:2"}),
            "\"line://127.0.0.1:2\" is no option; parleyd --help lists them");
  EXPECT_THAT(refusal({"--listen"}), HasSubstr("--listen"));
  EXPECT_THAT(refusal({"--config"}), HasSubstr("--config"));
}

TEST(CommandLineTest, AWrongValueIsToldWithTheRightOnes) {
  EXPECT_EQ(refusal({"--reactor", "kqueue"}),
            R"(--reactor kqueue: must be one of "auto", "epoll", "poll", "select")");
  EXPECT_THAT(refusal({"--log-level", "loud"}), StartsWith("--log-level loud: must be one of \"trace\""));
  EXPECT_THAT(refusal({"--flush-interval", "soon"}),
              StartsWith("--flush-interval soon: must be a time from 0ms to 1s"));
  EXPECT_THAT(refusal({"--flush-interval", "2s"}),
              StartsWith("--flush-interval 2s: must be a time from 0ms to 1s"));
  EXPECT_THAT(refusal({"--config", "/nonexistent"}), StartsWith("/nonexistent: cannot be read"));
}

TEST(CommandLineTest, AWrongUrlIsToldWithTheRightForm) {
  const std::string forms =
      "line://127.0.0.1:2626, line://[::1]:2626, line+tls://127.0.0.1:2626 or line+unix:/path.sock";
  for (const char* url :
       {"", "2626", "127.0.0.1:2626", "line:127.0.0.1:2626", "tcp://127.0.0.1:2626", "line"}) {
    EXPECT_EQ(refusal({"--listen", url}),
              "--listen " + std::string(url) + ": this is no URL to listen at; it must be like " + forms);
  }
  EXPECT_EQ(
      refusal({"--listen", "line://127.0.0.1:70000"}),
      "--listen line://127.0.0.1:70000: endpoint \"tcp://127.0.0.1:70000\": column 17: the port 70000 is not "
      "from 0 to 65535; it must be like " +
          forms);
  for (const char* nowhere : {"line://", "line://:2626", "line+tcp:2626"}) {
    EXPECT_THAT(refusal({"--listen", nowhere}), HasSubstr("there is no address")) << nowhere;
  }
  EXPECT_THAT(refusal({"--listen", "line://::1:2626"}), HasSubstr("stands in brackets"));
  EXPECT_THAT(refusal({"--listen", "line://[::1"}), HasSubstr("the bracket is not closed"));
  EXPECT_THAT(refusal({"--listen", "line://127.0.0.1:x"}), HasSubstr("\"x\" is no number"));
  EXPECT_THAT(refusal({"--listen", "line://127.0.0.1:1/room"}), HasSubstr("nothing but a host and a port"));
  EXPECT_THAT(refusal({"--listen", "line+unix:"}), HasSubstr("the path is empty"));
  EXPECT_THAT(refusal({"--listen", "line+tls:443"}), HasSubstr("the cert is missing"));
}

}  // namespace
}  // namespace chat
