#include "parley/service/endpoints.h"

#include <gtest/gtest.h>
#include <random>
#include <string>

namespace parley {
namespace {

using namespace std::chrono_literals;

ServerEndpoint server(std::string_view text) {
  auto parsed = ServerEndpoint::parse(text);
  if (!parsed) throw EndpointError(parsed.error());
  return *std::move(parsed);
}

ClientEndpoint client(std::string_view text) {
  auto parsed = ClientEndpoint::parse(text);
  if (!parsed) throw EndpointError(parsed.error());
  return *std::move(parsed);
}

ServerEndpoint tcp(const char* host, int port, std::optional<int> backlog = {}) {
  return {ServerEndpoint::Tcp{.address = {host, port}, .backlog = backlog}};
}

TEST(ServerEndpoint, ListensAtAPort) {
  EXPECT_EQ(server("tcp:8000"), tcp("", 8000));
  EXPECT_EQ(server("tcp:port=8000"), tcp("", 8000));
  EXPECT_EQ(server("tcp:0"), tcp("", 0));
  EXPECT_EQ(server("tcp:8000:interface=127.0.0.1"), tcp("127.0.0.1", 8000));
  EXPECT_EQ(server("tcp:interface=127.0.0.1:port=8000:backlog=7"), tcp("127.0.0.1", 8000, 7));
  EXPECT_EQ(server(R"(tcp:8000:interface=\:\:1)"), tcp("::1", 8000));
}

TEST(ServerEndpoint, MayBeAUrl) {
  EXPECT_EQ(server("tcp://127.0.0.1:8000"), tcp("127.0.0.1", 8000));
  EXPECT_EQ(server("tcp://[::1]:8000"), tcp("::1", 8000));
  EXPECT_EQ(server("tcp://:8000"), tcp("", 8000));
  EXPECT_EQ(server("unix:///run/a%20b"), server("unix:/run/a b"));
}

TEST(ServerEndpoint, ListensAtAPath) {
  EXPECT_EQ(server("unix:/run/chat.sock"),
            (ServerEndpoint{ServerEndpoint::Local{Address::local("/run/chat.sock")}}));
  EXPECT_EQ(
      server("unix:chat:mode=660:backlog=5"),
      (ServerEndpoint{ServerEndpoint::Local{.address = Address::local("chat"), .mode = 0660, .backlog = 5}}));
  EXPECT_EQ(server("unix:@chat"), (ServerEndpoint{ServerEndpoint::Local{Address::abstract("chat")}}));
}

TEST(ServerEndpoint, TakesOverWhatIsThere) {
  EXPECT_EQ(server("fd:3"), (ServerEndpoint{ServerEndpoint::Inherited{3}}));
  EXPECT_EQ(server("fd:number=3"), (ServerEndpoint{ServerEndpoint::Inherited{3}}));
  EXPECT_EQ(server("systemd:1"), (ServerEndpoint{ServerEndpoint::Systemd{std::size_t{1}}}));
  EXPECT_EQ(server("systemd:index=1"), (ServerEndpoint{ServerEndpoint::Systemd{std::size_t{1}}}));
  EXPECT_EQ(server("systemd:chat"), (ServerEndpoint{ServerEndpoint::Systemd{"chat"}}));
  EXPECT_EQ(server("systemd:name=1"), (ServerEndpoint{ServerEndpoint::Systemd{"1"}}));
}

TEST(ServerEndpoint, ListensWithACertificate) {
  using Tls = ServerEndpoint::Tls;
  EXPECT_EQ(server("tls:443:cert=/c.pem"), (ServerEndpoint{Tls{.address = {"", 443}, .cert = "/c.pem"}}));
  const ServerEndpoint all{Tls{.address = {"127.0.0.1", 443},
                               .cert = "/c.pem",
                               .key = "/k.pem",
                               .client_ca = "/ca.pem",
                               .backlog = 7}};
  EXPECT_EQ(server("tls:443:cert=/c.pem:key=/k.pem:interface=127.0.0.1:backlog=7:client_ca=/ca.pem"), all);
  EXPECT_EQ(server("tls:port=443:client_ca=/ca.pem:backlog=7:interface=127.0.0.1:key=/k.pem:cert=/c.pem"),
            all);
  EXPECT_EQ(server("ssl:443:privateKey=/k.pem:certKey=/c.pem:interface=127.0.0.1:backlog=7"),
            server("tls:443:cert=/c.pem:key=/k.pem:interface=127.0.0.1:backlog=7"));
  EXPECT_EQ(server("ssl:443:privateKey=/both.pem"), server("tls:443:cert=/both.pem"));
}

TEST(ClientEndpoint, IsAHostWithACertificate) {
  EXPECT_EQ(client("tls:example.org:443"), (ClientEndpoint{ClientEndpoint::Tls{{"example.org", 443}}}));
  EXPECT_EQ(client("tls:a:443:timeout=2.5:bind_address=127.0.0.2"),
            (ClientEndpoint{ClientEndpoint::Tls{{"a", 443}, 2500ms, Address("127.0.0.2", 0)}}));
  EXPECT_EQ(client("tls://[::1]:443"), (ClientEndpoint{ClientEndpoint::Tls{{"::1", 443}}}));
  EXPECT_EQ(client("ssl:host=a:port=443:timeout=1"), client("tls:a:443:timeout=1"));
  EXPECT_EQ(client("ssl://a:443"), client("tls:a:443"));
  EXPECT_NE(client("tls:a:443"), client("tcp:a:443"));
}

TEST(ClientEndpoint, IsAHostAndAPort) {
  EXPECT_EQ(client("tcp:example.org:80"), (ClientEndpoint{ClientEndpoint::Tcp{{"example.org", 80}}}));
  EXPECT_EQ(client("tcp:port=80:host=example.org"), client("tcp:example.org:80"));
  EXPECT_EQ(client(R"(tcp:\:\:1:80)"), (ClientEndpoint{ClientEndpoint::Tcp{{"::1", 80}}}));
  EXPECT_EQ(client("tcp://[::1]:80"), client(R"(tcp:\:\:1:80)"));
  EXPECT_EQ(client("tcp://example.org:80"), client("tcp:example.org:80"));
  EXPECT_EQ(client("tcp:a:80:timeout=2.5:bind_address=127.0.0.2"),
            (ClientEndpoint{ClientEndpoint::Tcp{{"a", 80}, 2500ms, Address("127.0.0.2", 0)}}));
  EXPECT_EQ(client("tcp:a:80:timeout=0.000000001"), (ClientEndpoint{ClientEndpoint::Tcp{{"a", 80}, 1ns}}));
}

TEST(ClientEndpoint, IsAPath) {
  EXPECT_EQ(client("unix:/run/x:timeout=3"),
            (ClientEndpoint{ClientEndpoint::Local{Address::local("/run/x"), 3s}}));
  EXPECT_EQ(client("unix:///run/x"), (ClientEndpoint{ClientEndpoint::Local{Address::local("/run/x")}}));
  EXPECT_EQ(client(R"(unix:path=/a\:b\\c=d)"),
            (ClientEndpoint{ClientEndpoint::Local{Address::local(R"(/a:b\c=d)")}}));
}

struct Wrong {
  const char* text;
  std::size_t column;
  const char* says;  // a part of the message
};

template <class Endpoint, std::size_t count>
void expect_wrong(const Wrong (&wrongs)[count]) {
  for (const Wrong& wrong : wrongs) {
    const auto parsed = Endpoint::parse(wrong.text);
    ASSERT_FALSE(parsed.ok()) << wrong.text;
    EXPECT_EQ(parsed.error().column(), wrong.column) << parsed.error().what();
    EXPECT_NE(std::string(parsed.error().what()).find(wrong.says), std::string::npos)
        << parsed.error().what();
  }
}

TEST(ServerEndpoint, PointsAtWhatIsWrong) {
  expect_wrong<ServerEndpoint>({
      {"", 1, "no kind"},
      {"8000", 1, "no kind"},
      {"tpc:8000", 1, "\"tpc\" is no kind of endpoint; there are: tcp, tls, ssl, unix, fd, systemd"},
      {"tls:443", 8, "the cert is missing"},
      {"tls:443:cert=", 14, "the cert is empty"},
      {"tls:443:cert=x:key=", 20, "the key is empty"},
      {"tls:cert=x", 11, "the port is missing"},
      {"tls:443:x", 9, "only the port of a tls endpoint"},
      {"tls:443:privateKey=x", 9, "there are: port, cert, key, interface, backlog, client_ca"},
      {"tls://127.0.0.1:443", 4, "no URL names: tls:443:interface=127.0.0.1:cert=FILE:key=FILE"},
      {"ssl:443:certKey=x", 18, "the privateKey is missing"},
      {"ssl:443:cert=x", 9, "there are: port, privateKey, certKey, interface, backlog"},
      {"ssl:443:privateKey=x:extraCertChain=y", 37, "no extraCertChain: its certificates stand behind"},
      {"ssl:443:privateKey=x:sslmethod=TLSv1_METHOD", 32, "TLS 1.2 and 1.3"},
      {"ssl:443:privateKey=x:dhParameters=y", 35, "elliptic curves"},
      {"tcp:", 5, "the port is empty"},
      {"tcp:interface=127.0.0.1", 24, "the port is missing"},
      {"tcp:80000", 5, "the port 80000 is not from 0 to 65535"},
      {"tcp:99999999999", 5, "not from 0 to 65535"},
      {"tcp:http", 5, "the port \"http\" is no number"},
      {"tcp:-1", 5, "no number"},
      {"tcp:80:interfce=1", 8, "tcp has no argument \"interfce\"; there are: port, interface, backlog"},
      {"tcp:80:interface=localhost", 18, "localhost"},
      {"tcp:80:interface=::1", 18, R"(a colon inside a value is written "\:")"},
      {"tcp:80:127.0.0.1", 8, "only the port of a tcp endpoint may stand without a name"},
      {"tcp:80:port=81", 8, "the port is given twice"},
      {"tcp:port=80:81", 13, "the port is given twice"},
      {"tcp:80:backlog=0", 16, "the backlog 0 is not from 1"},
      {"tcp:80:=1", 8, "no name before"},
      {"tcp:80\\", 7, "escapes nothing"},
      {"tcp://1.2.3.4", 14, "the port is missing"},
      {"tcp://1.2.3.4:80/x", 17, "nothing but a host and a port"},
      {"tcp://::1:80", 7, "in brackets"},
      {"tcp://[::1:80", 7, "not closed"},
      {"tcp://[::1]80", 12, "the port is missing"},
      {"tcp://a%4:80", 8, "hexadecimal"},
      {"tcp://[1.2.3.4]:80", 8, "only an IPv6 address"},
      {"unix:", 6, "the path is empty"},
      {"unix:/x:mode=888", 14, "the mode \"888\" is no octal number"},
      {"unix:/x:mode=1777", 14, "the mode 1777 is not from 0 to 777"},
      {"unix:@x:mode=600", 14, "an abstract name has no mode"},
      {"unix://x", 8, "third slash"},
      {"fd:x", 4, "the descriptor \"x\" is no number"},
      {"fd:3:4", 6, "only the number"},
      {"fd://3", 3, "no URLs"},
      {"systemd:", 9, "the index is empty"},
      {"systemd:1:name=x", 16, "one too many"},
  });
  const auto nul = ServerEndpoint::parse(std::string_view("unix:/a\0b", 9));
  ASSERT_FALSE(nul.ok());
  EXPECT_EQ(nul.error().column(), 8U);
  EXPECT_STREQ(nul.error().what(), "endpoint \"unix:/a?b\": column 8: there is a NUL byte");
  EXPECT_FALSE(ServerEndpoint::parse("unix:/" + std::string(200, 'x')).ok());
}

TEST(ClientEndpoint, PointsAtWhatIsWrong) {
  expect_wrong<ClientEndpoint>({
      {"tcp:example.org", 16, "the port is missing"},
      {"tcp::80", 5, "the host is empty"},
      {"tcp:::1:80", 5, R"(a colon inside a value is written "\:")"},
      {"tcp:a:0", 7, "the port 0 is not from 1 to 65535"},
      {"tcp:a:80:timeout=0", 18, "the timeout is zero"},
      {"tcp:a:80:timeout=1e3", 18, "the timeout \"1e3\" is no number"},
      {"tcp:a:80:timeout=1.x", 20, "is no number"},
      {"tcp:a:80:timeout=.5", 18, "is no number"},
      {"tcp:a:80:timeout=1.", 20, "is no number"},
      {"tcp:a:80:timeout=1.0000000001", 20, "nine digits"},
      {"tcp:a:80:bind_address=b", 23, "\"b\""},
      {"tcp://:80", 7, "the host is empty"},
      {"fd:3", 1, "\"fd\" endpoints are for servers"},
      {"tls:a", 6, "the port is missing"},
      {"tls:a:0", 7, "the port 0 is not from 1"},
      {"tls://:443", 7, "the host is empty"},
      {"tls:a:443:trustRoots=x", 22, "no trustRoots: that is for a tls::Context"},
      {"ssl:a:443:caCertsDir=x", 22, "no caCertsDir"},
      {"tls:a:443:cert=x", 11, "there are: host, port, timeout, bind_address"},
      {"quic:a:443", 1, "there are: tcp, tls, ssl, unix"},
      {"udp:a:1", 1, "no kind of endpoint"},
  });
}

TEST(Endpoints, PrintAsTheyAreRead) {
  for (const char* text :
       {"tcp:8000", "tcp:0:interface=127.0.0.1:backlog=3", R"(tcp:8000:interface=\:\:1)",
        "unix:/run/x:mode=660:backlog=2", "unix:@x", R"(unix:a\:b\=c\\d)", "unix:/x:mode=0",
        "tls:443:cert=/c", R"(tls:443:cert=/c:key=/a\:b:interface=\:\:1:backlog=3:client_ca=/d)",
        R"(unix:\//x)", "fd:3", "systemd:1", R"(systemd:name=a\:b)"}) {
    EXPECT_EQ(concat(server(text)), text);
  }
  for (const char* text : {"tcp:host=a:port=80", R"(tcp:host=\:\:1:port=80:timeout=0.25:bind_address=\:\:1)",
                           R"(tls:host=\:\:1:port=80:timeout=0.25:bind_address=\:\:1)",
                           "unix:/run/x:timeout=30", R"(unix:\//x)"}) {
    EXPECT_EQ(concat(client(text)), text);
  }
}

// The same as fuzz/endpoints_fuzz.cpp, over random input.
TEST(Endpoints, WhateverIsReadPrintsAsItself) {
  constexpr std::string_view words[] = {"tcp",        "unix", "fd",        "systemd", "tls",  "ssl",  "cert",
                                        "privateKey", ":",    ":",         "//",      "=",    "\\",   "port",
                                        "host",       "80",   "::1",       "[::1]",   "/run", "@",    "mode",
                                        "6",          "x",    "timeout",   "1.5",     "%41",  "name", "index",
                                        "127.0.0.1",  "0",    "interface", "path",    "\n",   "\x80"};
  std::mt19937 random(20);
  int good = 0;
  for (int i = 0; i < 20000; ++i) {
    std::string text(words[random() % 6]);
    text += ':';
    for (auto pieces = random() % 8; pieces > 0; --pieces) text += words[random() % std::size(words)];
    if (const auto parsed = ServerEndpoint::parse(text)) {
      ++good;
      EXPECT_EQ(server(concat(*parsed)), *parsed) << text;
    }
    if (const auto parsed = ClientEndpoint::parse(text)) {
      EXPECT_EQ(client(concat(*parsed)), *parsed) << text;
    } else {
      EXPECT_GE(parsed.error().column(), 1U);
      EXPECT_LE(parsed.error().column(), text.size() + 1) << text;
    }
  }
  EXPECT_GT(good, 100);
}

}  // namespace
}  // namespace parley
