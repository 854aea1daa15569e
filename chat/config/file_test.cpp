#include "chat/config/file.h"

#include <chrono>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>
#include <string_view>

namespace chat {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

Config parse(std::string_view text) {
  return parse_config(text, "p.toml");
}

// What the configuration is refused with; empty when it is taken.
std::string refusal(std::string_view text) {
  try {
    parse(text);
    return {};
  } catch (const ConfigError& error) {
    const std::string what = error.what();
    EXPECT_EQ(what.find('\n'), std::string::npos) << "one line: " << what;
    return what;
  }
}

TEST(ConfigFileTest, NothingSaysNothing) {
  const Config config = parse("");
  EXPECT_THAT(config.listeners, ElementsAre(ListenerConfig{}));
  EXPECT_EQ(parley::concat(config.listeners[0].endpoint), "tcp:2626:interface=127.0.0.1");
}

TEST(ConfigFileTest, EveryKeyIsRead) {
  const Config config = parse(R"(
[server]
reactor = "poll"
flush_interval = "10ms"
[limits]
line_chat_bytes = 1000
sendq_bytes = "64KiB"
queued_total = "2MiB"
send_buffer = "32KiB"
turn_bytes = 65536
connections = 10
exempt = ["10.0.0.0/8"]
connections_per_ip = 1
connect_rate = 2
message_rate = 3
message_burst = 4
idle_timeout = "5m"
keep_alive = 0
[log]
level = "warn"
file = "parleyd.log"
chat = false
)");
  EXPECT_EQ(config.reactor, parley::Reactor::poll);
  EXPECT_EQ(config.flush_interval, 10ms);
  EXPECT_EQ(config.line_bytes, 1000U);
  EXPECT_EQ(config.limits.sendq_bytes, 65536U);
  EXPECT_EQ(config.limits.queued_total, 2U << 20);
  EXPECT_EQ(config.send_buffer, 32 << 10);
  EXPECT_EQ(config.limits.turn_bytes, 65536U);
  EXPECT_EQ(config.connections, 10U);
  EXPECT_THAT(config.exempt, ElementsAre(parley::Network(parley::Address("10.0.0.0", 0), 8)));
  EXPECT_EQ(config.connections_per_ip, 1U);
  EXPECT_EQ(config.connect_rate, 2U);
  EXPECT_EQ(config.message_rate, 3U);
  EXPECT_EQ(config.message_burst, 4U);
  EXPECT_EQ(config.idle_timeout, 5min);
  EXPECT_EQ(config.keep_alive, 0s);
  EXPECT_EQ(config.log_level, parley::Level::warn);
  EXPECT_EQ(config.log_file, "parleyd.log");
  EXPECT_FALSE(config.chat);
}

TEST(ConfigFileTest, ListenersComeInPlaceOfTheDefault) {
  const Config config = parse(R"(
[[listener]]
address = "::"
port = 0
room = "#kitchen"
[[listener]]
protocol = "line"
address = "unix:/run/parleyd.sock:mode=660"
[[listener]]
[[listener]]
address = "systemd:chat"
)");
  ASSERT_EQ(config.listeners.size(), 4U);
  EXPECT_EQ(parley::concat(config.listeners[0].endpoint), R"(tcp:0:interface=\:\:)");
  EXPECT_EQ(config.listeners[0].room, "#kitchen");
  EXPECT_EQ(parley::concat(config.listeners[1].endpoint), "unix:/run/parleyd.sock:mode=660");
  EXPECT_EQ(config.listeners[1].room, "#lobby");
  EXPECT_EQ(config.listeners[2], ListenerConfig{});
  EXPECT_EQ(parley::concat(config.listeners[3].endpoint), "systemd:name=chat");
}

TEST(ConfigFileTest, ListenersMaySpeakTls) {
  const Config config = parse(R"(
[[listener]]
tls_cert = "/c.pem"
tls_key = "/k.pem"
client_ca = "/ca.pem"
[[listener]]
address = "unix:/run/parleyd.sock"
tls_cert = "/c.pem"
[[listener]]
address = "tls:2627:interface=127.0.0.1:cert=/c.pem"
room = "#kitchen"
)");
  ASSERT_EQ(config.listeners.size(), 3U);
  const TlsConfig all{"/c.pem", "/k.pem", "/ca.pem"};
  const TlsConfig one{"/c.pem", "", ""};
  EXPECT_EQ(config.listeners[0].tls, all);
  EXPECT_EQ(config.listeners[1].tls, one);
  EXPECT_EQ(parley::concat(config.listeners[1].endpoint), "unix:/run/parleyd.sock");
  EXPECT_EQ(config.listeners[2].tls, one);
  EXPECT_EQ(parley::concat(config.listeners[2].endpoint), "tcp:2627:interface=127.0.0.1");
  EXPECT_EQ(config.listeners[2].room, "#kitchen");
}

// Nobody is to be served in clear whose file speaks of keys.
TEST(ConfigFileTest, HalfOfTlsIsAMistake) {
  EXPECT_EQ(refusal("[[listener]]\ntls_key = '/k.pem'"),
            "p.toml:1: listener.tls_key: there is no listener.tls_cert beside it");
  EXPECT_EQ(refusal("[[listener]]\nclient_ca = '/ca.pem'"),
            "p.toml:1: listener.client_ca: there is no listener.tls_cert beside it");
  for (const std::string_view other : {"tls_cert", "tls_key", "client_ca"}) {
    EXPECT_THAT(refusal(parley::concat("[[listener]]\naddress = 'tls:1:interface=127.0.0.1:cert=/c'\n", other,
                                       " = '/x'")),
                HasSubstr("p.toml:1: listener."))
        << other;
  }
  EXPECT_THAT(refusal("[[listener]]\naddress = 'tls:2:interface=127.0.0.1:cert=/c'\ntls_cert = '/x'"),
              HasSubstr("there is no listener.tls_cert, tls_key or client_ca beside it"));
  EXPECT_THAT(refusal("[[listener]]\naddress = 'tls:2:cert=/c'"), HasSubstr("there is no address"));
}

TEST(ConfigFileTest, AnUnknownKeyIsNamedWithItsLineAndTheNearest) {
  EXPECT_EQ(refusal("[limits]\n\nconections = 3\n"),
            "p.toml:3: unknown key limits.conections; the nearest is limits.connections");
  EXPECT_EQ(refusal("[server]\nsendq_bytes = 3\n"),
            "p.toml:2: unknown key server.sendq_bytes; the nearest is limits.sendq_bytes");
  EXPECT_EQ(refusal("port = 3\n"), "p.toml:1: unknown key port; the nearest is listener.port");
  EXPECT_EQ(refusal("[[listener]]\nprot = 3\n"),
            "p.toml:2: unknown key listener.prot; the nearest is listener.port");
  EXPECT_EQ(refusal("[server.limits]\nlevel = ''\n"),
            "p.toml:1: unknown key server.limits; the nearest is server.reactor");
  EXPECT_EQ(refusal("[sever]\nreactor = ''\n"), "p.toml:1: unknown section [sever]; the nearest is [server]");
}

TEST(ConfigFileTest, OfSeveralMistakesTheFirstIsTold) {
  EXPECT_THAT(refusal("[server]\nzzz = 1\n[log]\naaa = 1\n"), StartsWith("p.toml:2: unknown key server.zzz"));
  EXPECT_THAT(refusal("[server]\nzzz = 1\naaa = 1\n"), StartsWith("p.toml:2: unknown key server.zzz"));
}

// Whatever is meant to guard something is an error until it does, and a password belongs in no log.
TEST(ConfigFileTest, WhatWouldGuardIsNotPassedOver) {
  for (const std::string_view text :
       {"[server]\npassword = 'secret'", "[server]\ntrusted_proxies = ['secret']",
        "[[listener]]\nproxy_protocol = 'secret'",
        "[[listener]]\norigins = ['https://secret.example.org']"}) {
    EXPECT_THAT(refusal(text), StartsWith("p.toml:2: unknown key "));
    EXPECT_THAT(refusal(text), Not(HasSubstr("secret")));
  }
  for (const std::string_view text :
       {"[[oper]]\npassword = 'secret'", "[accounts]\nregistration = 'secret'"}) {
    EXPECT_THAT(refusal(text), StartsWith("p.toml:1: unknown section ["));
    EXPECT_THAT(refusal(text), Not(HasSubstr("secret")));
  }
}

TEST(ConfigFileTest, AWrongTypeIsToldWithTheRightOne) {
  EXPECT_EQ(refusal("[server]\nreactor = 1"),
            R"(p.toml:2: server.reactor = 1 must be one of "auto", "epoll", "poll", "select")");
  EXPECT_EQ(refusal("[log]\nchat = 'yes'"), "p.toml:2: log.chat = 'yes' must be true or false");
  EXPECT_EQ(refusal("[[listener]]\nport = '2626'"),
            "p.toml:2: listener.port = '2626' must be a whole number from 0 to 65535");
  EXPECT_EQ(
      refusal("[limits]\nsendq_bytes = '1MB'"),
      "p.toml:2: limits.sendq_bytes = '1MB' must be a size from 16KiB to 1GiB, as a number of bytes or a "
      "text like \"64KiB\"");
  EXPECT_EQ(
      refusal("[server]\nflush_interval = 0.5"),
      "p.toml:2: server.flush_interval = 0.5 must be a time from 0ms to 1s, as a number of seconds or a text "
      "like \"10ms\", \"30s\", \"5m\"");
  EXPECT_THAT(refusal("[limits]\nconnections = 'x'"), HasSubstr("must be a whole number of at least 0"));
  EXPECT_THAT(refusal("[limits]\nexempt = ['a', 1]"),
              HasSubstr("must be a list of networks and addresses in quotes"));
  EXPECT_THAT(refusal("[limits]\nexempt = ['::1', '10.1.0.0/8']"),
              HasSubstr("\"10.1.0.0/8\" has bits set behind the first 8; 10.0.0.0/8 is that network"));
  EXPECT_THAT(refusal("[limits]\nexempt = ['localhost']"), HasSubstr("\"localhost\" is no network"));
}

TEST(ConfigFileTest, AValueOutOfRangeIsRefused) {
  for (const std::string_view text :
       {"[[listener]]\nport = 70000", "[[listener]]\nport = -1", "[limits]\nline_chat_bytes = 0",
        "[limits]\nline_chat_bytes = '1MiB'", "[limits]\nsendq_bytes = 100", "[limits]\nconnections = -1",
        "[server]\nflush_interval = '1h'", "[limits]\nmessage_burst = 0", "[limits]\nkeep_alive = 32768",
        "[limits]\nkeep_alive = '24h'"}) {
    EXPECT_THAT(refusal(text), HasSubstr("p.toml:2: ")) << text;
    EXPECT_THAT(refusal(text), HasSubstr(" must be ")) << text;
  }
  EXPECT_THAT(refusal("[[listener]]\nprotocol = 'gopher'"), HasSubstr("must be \"line\""));
  EXPECT_THAT(refusal("[limits]\nsendq_bytes = '16KiB'\nline_chat_bytes = '64KiB'"),
              HasSubstr("limits.sendq_bytes must be at least four times limits.line_chat_bytes"));
}

TEST(ConfigFileTest, AListenersAddressAndRoomAreLookedAt) {
  EXPECT_THAT(refusal("[[listener]]\naddress = 'localhost'"),
              HasSubstr("p.toml:1: listener.address: \"localhost\" is no IP address"));
  EXPECT_THAT(refusal("[[listener]]\naddress = ''"), HasSubstr("there is no address"));
  EXPECT_THAT(refusal("[[listener]]\naddress = '0.0.0.0.0'"), HasSubstr("is no IP address"));
  EXPECT_THAT(refusal("[[listener]]\naddress = 'tcp:2626'"), HasSubstr("there is no address"));
  EXPECT_THAT(refusal("[[listener]]\naddress = 'localhost:2626'"),
              HasSubstr("\"localhost\" is no kind of endpoint"));
  EXPECT_THAT(refusal("[[listener]]\naddress = 'unix:'"), HasSubstr("column 6: the path is empty"));
  EXPECT_THAT(refusal("[[listener]]\naddress = 'unix:/a'\nport = 1"),
              HasSubstr("there is no listener.port beside it"));
  EXPECT_THAT(refusal("[[listener]]\naddress = 'unix:/" + std::string(200, 'x') + "'"),
              HasSubstr("at most 108 bytes"));
  for (const std::string_view room : {"", "lobby", "#", "#a b", "#a,b", "#\\u0007"}) {
    EXPECT_THAT(refusal("[[listener]]\nroom = \"" + std::string(room) + "\""),
                HasSubstr("listener.room must be"))
        << room;
  }
}

TEST(ConfigFileTest, SectionsAreWrittenAsTheyAre) {
  EXPECT_EQ(refusal("server = 3"), "p.toml:1: server is a section: write [server]");
  EXPECT_EQ(refusal("[[server]]\nreactor = 'auto'"), "p.toml:1: there is one server: write [server]");
  EXPECT_EQ(refusal("[listener]\nport = 1"),
            "p.toml:1: there may be several of listener: write [[listener]]");
}

TEST(ConfigFileTest, WhatIsNoTomlIsToldWithItsLine) {
  EXPECT_THAT(refusal("[server]\nname = \n"), StartsWith("p.toml:2: "));
  EXPECT_THAT(refusal("[log]\nchat = true\nchat = false\n"), StartsWith("p.toml:3: "));
  EXPECT_THAT(refusal("\xff\xfe"), StartsWith("p.toml:1: "));
}

TEST(ConfigFileTest, AFileThatCannotBeReadIsSaid) {
  try {
    read_config("/nonexistent/parleyd.toml");
    FAIL();
  } catch (const ConfigError& error) {
    EXPECT_STREQ(error.what(), "/nonexistent/parleyd.toml: cannot be read: No such file or directory");
  }
  EXPECT_THROW(read_config("/"), ConfigError);
  EXPECT_THROW(read_config("/dev/zero"), ConfigError);
  EXPECT_THAT(read_config("/dev/null").listeners, ElementsAre(ListenerConfig{}));
}

TEST(ConfigFileTest, WhatIsNoFileIsReadOnce) {
  try {
    reread_config("/dev/zero");
    FAIL();
  } catch (const ConfigError& error) {
    EXPECT_STREQ(error.what(), "/dev/zero: a pipe or a device is read once, when parleyd starts");
  }
  EXPECT_THROW(reread_config("/nonexistent/parleyd.toml"), ConfigError);
  EXPECT_NO_THROW(reread_config("/dev/null"));  // of which nobody waits for more
}

}  // namespace
}  // namespace chat
