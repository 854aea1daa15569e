#include "parley/service/opening.h"

#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <memory>
#include <optional>
#include <string>
#include <unistd.h>
#include <utility>

#include "parley/process/child.h"
#include "parley/reactor/filter.h"
#include "parley/service/server_service.h"
#include "parley/socket/create.h"
#include "parley/socket/error.h"
#include "parley/socket/socket.h"
#include "parley/tls/authority_fixture.h"
#include "parley/tls/filter.h"
#include "parley/tls/stream.h"

namespace parley {
namespace {

using namespace std::chrono_literals;

struct Greeter : Protocol {
  void connection_made() override {
    transport().write("hello");
    transport().lose_connection();
  }
  void data_received(std::span<char>) override {}
};

std::unique_ptr<Protocol> greeter() {
  return std::make_unique<Greeter>();
}

class Opening : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "parley-opening-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string path() const { return (folder_ / "s").string(); }

  // What a client hears; turns the reactor meanwhile.
  std::string heard(const Address& at) {
    Socket client(at.family());
    client.connect(at);
    return heard(client);
  }
  std::string heard(Socket& client) {
    client.setblocking(false);
    std::string text;
    for (const Time end = reactor_.now() + 20s; reactor_.now() < end;) {
      reactor_.turn(10ms);
      try {
        const std::string more = client.recv(100);
        if (more.empty()) return text;
        text += more;
      } catch (const WouldBlock&) {
      }
    }
    return text + " (and no end)";
  }

  std::filesystem::path folder_;
  Reactor reactor_;
};

TEST_F(Opening, ListensAtAPort) {
  ListeningPort port = listen(reactor_, "tcp:0:interface=127.0.0.1:backlog=3", greeter);
  EXPECT_EQ(port.host().host(), "127.0.0.1");
  EXPECT_EQ(heard(port.host()), "hello");
}

TEST_F(Opening, ListensAtAPathWithAMode) {
  for (const char* mode : {"600", "666"}) {
    ListeningPort port = listen(reactor_, "unix:" + path() + ":mode=" + mode, greeter);
    const auto permissions = std::filesystem::status(path()).permissions();
    EXPECT_EQ(permissions, static_cast<std::filesystem::perms>(std::stoi(mode, nullptr, 8)));
    EXPECT_EQ(heard(Address::local(path())), "hello");
    port.stop_listening();
    EXPECT_FALSE(std::filesystem::exists(path()));
  }
}

TEST_F(Opening, TakesOverADescriptor) {
  Socket inherited(Family::inet);
  inherited.bind({"127.0.0.1", 0});
  inherited.listen();
  inherited.set_inheritable(true);
  const Address at = inherited.getsockname();
  ListeningPort port = listen(reactor_, "fd:" + std::to_string(inherited.detach()), greeter);
  EXPECT_EQ(port.host(), at);
  EXPECT_EQ(heard(at), "hello");
  port.stop_listening();
  Socket client(Family::inet);
  EXPECT_EQ(client.connect_ex(at), std::errc::connection_refused);
}

TEST_F(Opening, SaysWhatIsWrongWithADescriptor) {
  EXPECT_THROW(listen(reactor_, "fd:12345", greeter), SocketError);
  Socket talks(Family::inet);
  EXPECT_THROW(listen(reactor_, "fd:" + std::to_string(talks.detach()), greeter), SocketError);
}

// In a child: what systemd does before it runs a program.
void hand_over(Address (&at)[2], const char* names) {
  for (int i = 0; i < 2; ++i) {
    Socket socket(Family::inet);
    socket.bind({"127.0.0.1", 0});
    socket.listen();
    at[i] = socket.getsockname();
    ::dup2(socket.fileno(), 100 + i);  // out of the way first
  }
  for (int i = 0; i < 2; ++i) {
    ::dup2(100 + i, 3 + i);
    ::close(100 + i);
  }
  ::setenv("LISTEN_PID", concat(::getpid()).c_str(), 1);
  ::setenv("LISTEN_FDS", "2", 1);
  ::setenv("LISTEN_FDNAMES", names, 1);
}

std::string complaint(Reactor& reactor, const char* endpoint) {
  try {
    listen(reactor, endpoint, greeter);
  } catch (const SocketError& error) {
    return error.what();
  }
  return {};
}

TEST_F(Opening, ListensForWhatSystemdHasHandedOver) {
  Child child([] {
    Address at[2];
    hand_over(at, "http:chat");
    Reactor reactor;
    if (listen(reactor, "systemd:chat", greeter).host() != at[1]) return 1;
    if (listen(reactor, "systemd:0", greeter).host() != at[0]) return 2;
    const std::string said = complaint(reactor, "systemd:0");  // it is listened at already
    if (said.find(R"(sockets handed over: 2 "http" (in use) "chat" (in use))") == said.npos) return 3;
    return 0;
  });
  EXPECT_EQ(child.wait().exit_code(), 0);
}

TEST_F(Opening, SocketsOfOneNameAreTakenInTheirOrder) {
  Child child([] {
    Address at[2];
    hand_over(at, "chat:chat");
    Reactor reactor;
    if (listen(reactor, "systemd:chat", greeter).host() != at[0]) return 1;
    if (listen(reactor, "systemd:chat", greeter).host() != at[1]) return 2;
    return complaint(reactor, "systemd:2").empty() ? 3 : 0;
  });
  EXPECT_EQ(child.wait().exit_code(), 0);
}

TEST_F(Opening, SaysWhatSystemdHasNotHandedOver) {
  Child child([] {
    Reactor reactor;
    const std::string said = complaint(reactor, "systemd:chat");
    return said.starts_with("listen systemd:name=chat: ") && said.find("handed over: 0; was it") != said.npos
               ? 0
               : 1;
  });
  EXPECT_EQ(child.wait().exit_code(), 0);
}

TEST_F(Opening, Connects) {
  struct Client : Protocol {
    explicit Client(std::string& to) : text(to) {}
    void data_received(std::span<char> lent) override { text.append(lent.data(), lent.size()); }
    void connection_lost(Reason) override { text += '.'; }
    std::string& text;
  };
  std::string from;
  const ListeningPort tcp = listen(reactor_, "tcp://127.0.0.1:0", [&](const Address& peer) {
    from = peer.host();
    return greeter();
  });
  listen(reactor_, "unix://" + path(), greeter);
  std::string text;
  const auto client = [&] { return std::make_unique<Client>(text); };
  connect(reactor_, concat("tcp:127.0.0.1:", tcp.host().port(), ":bind_address=127.0.0.2:timeout=20"),
          client);
  connect(reactor_, "unix:" + path(), client);
  for (const Time end = reactor_.now() + 20s; text.size() < 12 && reactor_.now() < end;) reactor_.turn(10ms);
  EXPECT_EQ(text.size(), 12U) << text;
  EXPECT_EQ(from, "127.0.0.2");
  EXPECT_THROW(connect(reactor_, "tcp:localhost", client), EndpointError);
  EXPECT_THROW(listen(reactor_, "tcp:localhost:80", client), EndpointError);
}

// Makes itself heard, both ways.
class Loud final : public Filter {
 public:
  void data_received(std::span<char> lent) override {
    for (char& c : lent) c = static_cast<char>(std::toupper(c));
    Filter::data_received(lent);
  }
  bool finish(Output& output) override {
    output.put("!");
    return true;
  }
};

Wrap loud() {
  return [](const Address&) { return std::make_unique<Loud>(); };
}

TEST_F(Opening, EveryWayToListenHasItsFilter) {
  const ListenSettings wrapped{.wrap = loud()};
  const Address local = Address::local(path());
  const auto expect_loud = [&](const char* way, ListeningPort port) {
    EXPECT_EQ(heard(port.host()), "hello!") << way;
    port.stop_listening();
  };
  expect_loud("TCP", reactor_.listen_tcp({"127.0.0.1", 0}, factory(greeter), wrapped));
  expect_loud("Unix", reactor_.listen_unix(local, factory(greeter), wrapped));
  expect_loud("tcp:", listen(reactor_, "tcp:0:interface=127.0.0.1", greeter, wrapped));
  expect_loud("unix:", listen(reactor_, "unix:" + path(), greeter, wrapped));
  Socket listening(Family::inet);
  listening.bind({"127.0.0.1", 0});
  listening.listen();
  expect_loud("a port that was taken over",
              reactor_.adopt_port(std::move(listening), factory(greeter), wrapped));
  ServerService service(reactor_, "unix:" + path(), greeter, wrapped);
  service.start_service();
  EXPECT_EQ(heard(local), "hello!");
  service.stop_service();
}

TEST_F(Opening, EveryWayToConnectHasItsFilter) {
  struct Client : Protocol {
    explicit Client(std::string& to) : text(to) {}
    void data_received(std::span<char> lent) override { text.append(lent.data(), lent.size()); }
    std::string& text;
  };
  const ListeningPort tcp = listen(reactor_, "tcp:0:interface=127.0.0.1", greeter);
  const ListeningPort local = listen(reactor_, "unix:" + path(), greeter);
  const std::string port = concat("tcp:127.0.0.1:", tcp.host().port());
  std::string text;
  const auto client = [&] { return std::make_unique<Client>(text); };
  const auto expect_loud = [&](const char* way, const Connector&) {
    for (const Time end = reactor_.now() + 20s; text.size() < 5 && reactor_.now() < end;) {
      reactor_.turn(10ms);
    }
    EXPECT_EQ(std::exchange(text, {}), "HELLO") << way;
  };
  const ConnectSettings wrapped{.wrap = loud()};
  expect_loud("TCP", reactor_.connect_tcp({"127.0.0.1", tcp.host().port()}, client, wrapped));
  expect_loud("Unix", reactor_.connect_unix(local.host(), client, wrapped));
  expect_loud("tcp:", connect(reactor_, port, client, wrapped));
  expect_loud("unix:", connect(reactor_, "unix:" + path(), client, wrapped));
}

TEST_F(Opening, WhatIsAdoptedHasItsFilter) {
  struct Answerer : Protocol {
    void data_received(std::span<char> lent) override {
      transport().write(std::string_view(lent.data(), lent.size()));
      transport().lose_connection();
    }
  };
  auto [one, peer] = socketpair();
  reactor_.adopt(std::move(one), greeter(), loud());
  EXPECT_EQ(heard(peer), "hello!");
  auto [other, witness] = socketpair();
  std::optional<Detached> left;
  reactor_.detach(reactor_.adopt(std::move(other), std::make_unique<Answerer>()),
                  [&](Detached detached) { left = std::move(detached); });
  for (const Time end = reactor_.now() + 20s; !left && reactor_.now() < end;) reactor_.turn(10ms);
  ASSERT_TRUE(left);
  left->queued = "as it was, ";
  left->received = "through the filter";
  reactor_.adopt(*std::move(left), std::make_unique<Answerer>(), loud());
  EXPECT_EQ(heard(witness), "as it was, THROUGH THE FILTER!");
}

// TLS. The authority is one for all, for the context that clients share looks once what it is to trust.
class TlsOpening : public Opening {
 protected:
  struct Client : Protocol {
    Client(std::string& text, std::string& ended) : text_(text), ended_(ended) {}
    void connection_made() override { version_ = concat(tls::find(transport())->details().version); }
    void data_received(std::span<char> lent) override { text_.append(lent.data(), lent.size()); }
    void connection_lost(Reason) override { ended_ = version_; }

   private:
    std::string& text_;
    std::string& ended_;
    std::string version_;
  };

  static const testing_tls::Authority& authority() {
    static const testing_tls::Authority one;
    return one;
  }

  void SetUp() override {
    Opening::SetUp();
    write("ca", authority().certificate());
    [[maybe_unused]] static const bool trusted = [this] {
      ::setenv("SSL_CERT_FILE", file("ca").c_str(), 1);
      tls::default_client();
      ::unsetenv("SSL_CERT_FILE");
      return true;
    }();
    issue({.names = {"localhost", "127.0.0.1"}});
  }

  std::string file(const char* name) const { return (folder_ / name).string(); }
  void write(const char* name, const std::string& text) { std::ofstream(file(name)) << text; }
  void issue(const testing_tls::Wanted& wanted) {
    const testing_tls::Issued issued = authority().issue(wanted);
    write("cert", issued.certificate);
    write("key", issued.key);
    write("both", issued.key + issued.certificate);
  }
  std::string endpoint() const {
    return "tls:0:interface=127.0.0.1:cert=" + file("cert") + ":key=" + file("key");
  }
  // What a client hears there, and the version that was spoken; or why it did not.
  std::string told(const ListeningPort& port, const char* kind = "tls",
                   const ConnectSettings& settings = {}) {
    std::string text;
    std::string ended;
    ConnectSettings more = settings;
    more.failed = [&](const SocketError& error) { ended = error.what(); };
    connect(
        reactor_, concat(kind, ":localhost:", port.host().port(), ":timeout=20"),
        [&] { return std::make_unique<Client>(text, ended); }, more);
    for (const Time end = reactor_.now() + 30s; ended.empty() && reactor_.now() < end;) reactor_.turn(10ms);
    return text + ", " + ended;
  }
};

TEST_F(TlsOpening, BothEndsSpeakIt) {
  const ListeningPort port = listen(reactor_, endpoint(), greeter);
  EXPECT_EQ(told(port), "hello, TLS 1.3");
  EXPECT_EQ(told(port, "ssl"), "hello, TLS 1.3");
  const ListeningPort twisted = listen(
      reactor_, "ssl:0:interface=127.0.0.1:backlog=3:privateKey=" + file("key") + ":certKey=" + file("cert"),
      greeter);
  EXPECT_EQ(told(twisted), "hello, TLS 1.3");
  const ListeningPort one_file =
      listen(reactor_, "ssl:0:interface=127.0.0.1:privateKey=" + file("both"), greeter);
  EXPECT_EQ(told(one_file), "hello, TLS 1.3");
}

TEST_F(TlsOpening, AServiceListensAndConnects) {
  ServerService service(reactor_, endpoint(), greeter);
  service.start_service();
  EXPECT_EQ(told(reactor_.listen_tcp({"127.0.0.1", 0}, factory(greeter))).substr(0, 2), ", ");  // in clear
  std::string text;
  std::string ended;
  connect(reactor_, concat("tls://127.0.0.1:", service.host().port()),
          [&] { return std::make_unique<Client>(text, ended); });
  for (const Time end = reactor_.now() + 30s; ended.empty() && reactor_.now() < end;) reactor_.turn(10ms);
  EXPECT_EQ(text, "hello");
}

TEST_F(TlsOpening, FiltersOfTheProgramStandAboveIt) {
  const ListeningPort port = listen(reactor_, endpoint(), greeter, {.wrap = loud()});
  EXPECT_EQ(told(port), "hello!, TLS 1.3");
  EXPECT_EQ(told(port, "tls", {.wrap = loud()}), "HELLO!, TLS 1.3");
}

TEST_F(TlsOpening, TheNameIsCheckedAgainstTheCertificate) {
  issue({.names = {"example.org"}});
  EXPECT_THAT(told(listen(reactor_, endpoint(), greeter)),
              testing::AllOf(testing::HasSubstr("hostname mismatch"), testing::HasSubstr("example.org")));
  EXPECT_THROW(connect(reactor_, "tls:a b:443", greeter), std::invalid_argument);
}

TEST_F(TlsOpening, ClientsAreAskedForACertificate) {
  const ListeningPort port = listen(reactor_, endpoint() + ":client_ca=" + file("ca"), greeter);
  EXPECT_THAT(told(port), testing::Not(testing::HasSubstr("hello")));
  const testing_tls::Issued issued = authority().issue({.for_clients = true});
  tls::Context context = tls::Context::client();
  context.load_verify_pem(authority().certificate());
  context.load_cert_chain_pem(issued.certificate, issued.key);
  EXPECT_EQ(told(port, "tcp", {.wrap = context.wrap("localhost")}), "hello, TLS 1.3");
}

TEST_F(TlsOpening, ACertificateThatChangesIsForNewConnections) {
  const auto parsed = ServerEndpoint::parse(endpoint());
  tls::Context context = server_context(std::get<ServerEndpoint::Tls>(parsed->where));
  const ListeningPort port = listen(reactor_, "tcp:0:interface=127.0.0.1", greeter, {.wrap = context.wrap()});
  EXPECT_EQ(told(port), "hello, TLS 1.3");
  issue({.names = {"example.org"}, .common_name = "a longer one than before"});
  context.reload();
  tls::Context fresh = tls::Context::client();
  fresh.load_verify_pem(authority().certificate());
  EXPECT_THAT(told(port, "tcp", {.wrap = fresh.wrap("localhost")}), testing::HasSubstr("hostname mismatch"));
}

TEST_F(TlsOpening, SaysWhichFileIsWrong) {
  const auto complaint_about = [&](const std::string& more) {
    return complaint(reactor_, ("tls:0:interface=127.0.0.1" + more).c_str());
  };
  const std::string missing = file("missing");
  EXPECT_THAT(complaint_about(":cert=" + missing),
              testing::AllOf(testing::HasSubstr(missing), testing::HasSubstr("No such file")));
  EXPECT_THAT(complaint_about(":cert=" + file("cert")),
              testing::AllOf(testing::HasSubstr(file("cert")), testing::HasSubstr("no key in PEM")));
  EXPECT_THAT(complaint_about(":cert=" + file("both") + ":client_ca=" + missing),
              testing::HasSubstr(missing));
  write("no", "no PEM");
  EXPECT_THAT(complaint_about(":cert=" + file("both") + ":client_ca=" + file("no")),
              testing::HasSubstr("load_client_ca " + file("no") + ": "));
  write("key", authority().issue().key);
  EXPECT_THAT(complaint_about(":cert=" + file("cert") + ":key=" + file("key")),
              testing::AllOf(testing::HasSubstr(file("key")), testing::HasSubstr("not that of the first")));
}

TEST_F(Opening, AServerServiceListensWhileItRuns) {
  ServerService service(reactor_, "tcp:0:interface=127.0.0.1", greeter);
  EXPECT_EQ(service.host(), Address());
  service.start_service();
  const Address first = service.host();
  EXPECT_EQ(heard(first), "hello");
  service.stop_service();
  EXPECT_EQ(service.host(), Address());
  Socket client(Family::inet);
  EXPECT_EQ(client.connect_ex(first), std::errc::connection_refused);
  service.privileged_start_service();
  const Address second = service.host();
  EXPECT_NE(second, Address());
  service.start_service();
  EXPECT_EQ(service.host(), second);
  EXPECT_EQ(heard(second), "hello");

  ServerService same(reactor_, concat("tcp:", second.port(), ":interface=127.0.0.1"), greeter);
  EXPECT_THROW(same.start_service(), SocketError);
  EXPECT_FALSE(same.running());
  EXPECT_EQ(same.host(), Address());
  EXPECT_THROW(ServerService(reactor_, "tcp:x", greeter), EndpointError);
}

TEST_F(Opening, AServerServiceThatGoesListensNoMore) {
  std::optional<ServerService> service(std::in_place, reactor_, "tcp:0:interface=127.0.0.1", greeter);
  service->start_service();
  const Address at = service->host();
  service.reset();
  Socket client(Family::inet);
  EXPECT_EQ(client.connect_ex(at), std::errc::connection_refused);
}

}  // namespace
}  // namespace parley
