// TLS under protocols: two ends in memory, and what passes between them in the hands of the test.

#include "parley/tls/filter.h"

#include <algorithm>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "parley/reactor/string_transport.h"
#include "parley/tls/authority_fixture.h"
#include "parley/tls/context_state.h"
#include "parley/tls/engine.h"

namespace parley::tls {

class EngineOf {
 public:
  static const Engine& get(const Filter& filter) { return *filter.engine_; }
};

namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;
using testing_tls::Authority;
using testing_tls::Issued;

// What happens to the application at one end.
class Told final : public Protocol {
 public:
  void connection_made() override {
    ++made;
    if (!greeting.empty()) transport().write(greeting);
  }
  void data_received(std::span<char> lent) override {
    received.append(lent.data(), lent.size());
    ++deliveries;
    if (pauses) transport().pause_reading();
    if (received == closes_at) transport().lose_connection();
  }
  bool eof_received() override {
    ++ends;
    return stays;
  }
  void connection_lost(Reason reason) override { lost = reason; }
  using Protocol::transport;

  int made = 0;
  int deliveries = 0;
  int ends = 0;
  bool stays = false;
  bool pauses = false;
  std::string greeting;
  std::string closes_at = "never";
  std::string received;
  std::optional<Reason> lost;
};

// One end: a filter, and its application, on a transport of the test's.
struct End {
  explicit End(std::unique_ptr<parley::Filter> made) : filter(std::move(made)) {
    auto told = std::make_unique<Told>();
    application = told.get();
    filter->carry(std::move(told));
  }
  const Filter& tls() const { return static_cast<const Filter&>(*filter); }

  StringTransport transport;
  std::unique_ptr<parley::Filter> filter;
  Told* application;
};

class TlsFilter : public testing::Test {
 protected:
  TlsFilter() {
    const Issued issued = authority.issue({.names = {"localhost", "127.0.0.1"}});
    server_context.load_cert_chain_pem(issued.certificate, issued.key);
    client_context.load_verify_pem(authority.certificate());
  }

  void make(const std::string& name = "localhost") {
    server.emplace(server_context.wrap()(Address()));
    client.emplace(client_context.wrap(name)(Address()));
  }
  void connect() {
    server->transport.connect(*server->filter);
    client->transport.connect(*client->filter);
  }
  void begin(const std::string& name = "localhost") {
    make(name);
    connect();
    carry();
  }
  bool both_made() const { return client->application->made == 1 && server->application->made == 1; }
  // Carries bytes between both, at most `piece` at once, until nothing moves any more.
  void carry(std::size_t piece = std::string::npos) {
    for (bool moved = true; moved;) {
      moved = carry(client->transport, server->transport, piece);
      moved = carry(server->transport, client->transport, piece) || moved;
      server->transport.turn();
      client->transport.turn();
      moved = moved || !client->transport.written().empty() || !server->transport.written().empty();
    }
  }
  static bool carry(StringTransport& from, StringTransport& to, std::size_t piece) {
    const std::string bytes = from.written();
    from.clear();
    const bool moved = !bytes.empty();
    for (std::string_view rest = bytes; !rest.empty();) {
      const std::string_view some = rest.substr(0, piece);
      rest.remove_prefix(some.size());
      to.receive(some);
    }
    return moved;
  }
  // How many records there are, each with its header of five bytes (RFC 8446, section 5.1).
  static std::size_t records(std::string_view bytes) {
    std::size_t count = 0;
    while (bytes.size() >= 5) {
      const auto size = static_cast<std::size_t>(static_cast<unsigned char>(bytes[3])) << 8 |
                        static_cast<unsigned char>(bytes[4]);
      bytes.remove_prefix(std::min(bytes.size(), size + 5));
      ++count;
    }
    return count;
  }

  Authority authority;
  Context server_context = Context::server();
  Context client_context = Context::client();
  std::optional<End> server;
  std::optional<End> client;
};

TEST_F(TlsFilter, BothEndsSpeak) {
  begin();
  ASSERT_TRUE(both_made());
  client->application->transport().write("hello");
  client->transport.turn();
  EXPECT_THAT(client->transport.written(), Not(HasSubstr("hello")));
  carry();
  EXPECT_EQ(server->application->received, "hello");
  server->application->transport().write("good bye");
  carry();
  EXPECT_EQ(client->application->received, "good bye");
}

TEST_F(TlsFilter, WhatWasAgreedOnIsTold) {
  server_context.set_alpn_protocols({"h2", "http/1.1"});
  client_context.set_alpn_protocols({"http/1.1", "h2"});
  begin();
  ASSERT_TRUE(both_made());
  const Details ours = client->tls().details();
  EXPECT_EQ(ours.version, Version::tls1_3);
  EXPECT_THAT(ours.cipher, StartsWith("TLS_"));
  EXPECT_EQ(ours.alpn_protocol, "h2");  // the server's choice
  EXPECT_EQ(ours.server_name, "localhost");
  ASSERT_TRUE(ours.peer_certificate);
  EXPECT_EQ(ours.peer_certificate->host_names, std::vector<std::string>{"localhost"});
  EXPECT_EQ(ours.peer_certificate->addresses, std::vector<Address>{Address("127.0.0.1", 0)});
  EXPECT_FALSE(ours.session_reused);
  const Details theirs = server->tls().details();
  EXPECT_EQ(theirs.alpn_protocol, "h2");
  EXPECT_EQ(theirs.server_name, "localhost");
  EXPECT_FALSE(theirs.peer_certificate);
  EXPECT_EQ(find(client->application->transport()), &client->tls());
  EXPECT_EQ(find(StringTransport()), nullptr);
  EXPECT_EQ(server_context.statistics().handshakes, 1U);
}

TEST_F(TlsFilter, OlderVersionIsSpokenWhereOneEndKnowsNoNewer) {
  client_context.set_maximum_version(Version::tls1_2);
  begin();
  ASSERT_TRUE(both_made());
  EXPECT_EQ(server->tls().details().version, Version::tls1_2);
  server->application->transport().write("hello");
  carry();
  EXPECT_EQ(client->application->received, "hello");
}

TEST_F(TlsFilter, EverySplitIsTheSame) {
  for (const std::size_t piece : {1U, 2U, 3U, 5U, 7U, 100U}) {
    for (const Version version : {Version::tls1_2, Version::tls1_3}) {
      client_context.set_maximum_version(version);
      make();
      client->application->greeting = std::string(5000, 'c');
      server->application->greeting = std::string(40000, 's');
      connect();
      carry(piece);
      EXPECT_EQ(server->application->received, client->application->greeting);
      EXPECT_EQ(client->application->received, server->application->greeting);
      client->application->transport().lose_connection();
      carry(piece);
      EXPECT_EQ(server->application->ends, 1);
    }
  }
}

// As few as there can be: 16 KiB each, whatever pieces it was written in.
TEST_F(TlsFilter, WhatOneFlushWritesLeavesInFewRecords) {
  begin();
  Transport& transport = client->application->transport();
  transport.writelines(std::vector<std::string_view>(1000, "16 small bytes.."));
  client->transport.turn();
  EXPECT_EQ(records(client->transport.written()), 1U);
  carry();
  EXPECT_EQ(server->application->received.size(), 16000U);
  EXPECT_EQ(server->application->deliveries, 1);
  transport.write(std::string(50000, 'x'));
  client->transport.turn();
  EXPECT_EQ(records(client->transport.written()), 4U);
  carry();
  EXPECT_EQ(server->application->received.size(), 66000U);
}

TEST_F(TlsFilter, SmallRecordsAreHandedOnTogether) {
  begin();
  for (int i = 0; i < 100; ++i) {
    client->application->transport().write("line\n");
    client->transport.turn();
  }
  EXPECT_EQ(records(client->transport.written()), 100U);  // a flush each
  carry();
  EXPECT_EQ(server->application->deliveries, 1);
}

TEST_F(TlsFilter, NothingIsDeliveredWhilePaused) {
  make();
  client->application->greeting = std::string(100000, 'x');
  server->application->pauses = true;
  connect();
  carry();
  const std::size_t at_first = server->application->received.size();
  EXPECT_GT(at_first, 0U);
  EXPECT_LE(at_first, 16384U);
  for (int i = 2; server->application->received.size() < 100000; ++i) {
    ASSERT_EQ(server->application->deliveries, i - 1);
    server->application->transport().resume_reading();
    carry();
  }
  EXPECT_EQ(server->application->received, client->application->greeting);
}

// How connections end.

TEST_F(TlsFilter, TheEndIsToldInOrder) {
  begin();
  client->application->transport().write("last words");
  client->application->transport().lose_connection();
  carry();
  EXPECT_EQ(server->application->received, "last words");
  EXPECT_EQ(server->application->ends, 1);
  EXPECT_TRUE(server->transport.closing());
  ASSERT_TRUE(server->application->lost);
  EXPECT_NE(server->application->lost->kind(), Reason::Kind::failed);
  EXPECT_EQ(client->application->lost->kind(), Reason::Kind::closed);
}

TEST_F(TlsFilter, AnEndWithoutCloseNotifyIsAnError) {
  begin();
  client->application->transport().write("half of it");
  carry();
  server->transport.receive_end();
  server->transport.turn();
  EXPECT_EQ(server->application->ends, 0);
  ASSERT_TRUE(server->application->lost);
  EXPECT_EQ(server->application->lost->kind(), Reason::Kind::failed);
  EXPECT_EQ(server->application->lost->error(), Failure::truncated);
}

// Who has closed has seen what it wanted.
TEST_F(TlsFilter, AnEndAfterOursIsNoError) {
  begin();
  server->application->transport().lose_connection();
  server->transport.receive_end();
  server->transport.turn();
  ASSERT_TRUE(server->application->lost);
  EXPECT_EQ(server->application->lost->kind(), Reason::Kind::closed);
}

TEST_F(TlsFilter, OneDirectionMayEndBeforeTheOther) {
  for (const Version version : {Version::tls1_2, Version::tls1_3}) {
    client_context.set_maximum_version(version);
    make();
    server->application->stays = true;
    connect();
    carry();
    client->application->transport().write("question");
    client->application->transport().shutdown_write();
    carry();
    EXPECT_EQ(server->application->received, "question");
    EXPECT_EQ(server->application->ends, 1);
    server->application->transport().write("answer");
    carry();
    EXPECT_EQ(client->application->received, "answer");
    server->application->transport().lose_connection();
    carry();
    EXPECT_EQ(client->application->ends, 1);
  }
}

TEST_F(TlsFilter, BothMayCloseAtOnce) {
  begin();
  client->application->transport().lose_connection();
  server->application->transport().lose_connection();
  carry();
  for (const auto& end : {&*client, &*server}) {
    ASSERT_TRUE(end->application->lost);
    EXPECT_EQ(end->application->lost->kind(), Reason::Kind::closed);
  }
}

TEST_F(TlsFilter, WhatWasWrittenBeforeTheHandshakeLeavesAfterIt) {
  make();
  connect();
  client->transport.write("early");  // as a filter above, or a program by the transport, may
  carry();
  EXPECT_EQ(server->application->received, "early");
}

// What is refused, and what each end is told.

class TlsRefusal : public TlsFilter {
 protected:
  TlsRefusal() {
    server_context.set_handshake_failed([this](const Error& error) {
      server_error = error.code();
      server_text = error.what();
    });
    client_context.set_handshake_failed([this](const Error& error) {
      client_error = error.code();
      client_text = error.what();
    });
  }
  void refused(const std::string& name = "localhost") {
    begin(name);
    EXPECT_EQ(client->application->lost, std::nullopt);  // it was told nothing
    EXPECT_EQ(server->application->received, "");
    EXPECT_TRUE(client->transport.closing());
    EXPECT_TRUE(server->transport.closing());
    EXPECT_EQ(server_context.statistics().handshakes, 0U);
  }

  std::error_code server_error;
  std::error_code client_error;
  std::string server_text;
  std::string client_text;
};

TEST_F(TlsRefusal, AnotherName) {
  refused("example.org");
  EXPECT_TRUE(is_certificate_error(client_error));
  EXPECT_THAT(client_text,
              HasSubstr("certificate refused: hostname mismatch (it is for localhost, 127.0.0.1, "
                        "not for example.org)"));
  EXPECT_TRUE(is_alert(server_error)) << server_text;
  EXPECT_EQ(server_context.statistics().failed, 1U);
  EXPECT_EQ(client_context.statistics().failed, 1U);
}

TEST_F(TlsRefusal, AnotherAddress) {
  refused("127.0.0.2");
  EXPECT_THAT(client_text,
              HasSubstr("IP address mismatch (it is for localhost, 127.0.0.1, not for 127.0.0.2)"));
}

TEST_F(TlsRefusal, AnUnknownAuthority) {
  client_context = Context::client();
  client_context.set_handshake_failed([this](const Error& error) {
    client_error = error.code();
    client_text = error.what();
  });
  refused();
  EXPECT_TRUE(is_certificate_error(client_error));
  EXPECT_THAT(client_text, HasSubstr("nobody trusted has signed CN=server: its issuer is CN=Test CA"));
  EXPECT_THAT(server_text, HasSubstr("unknown CA"));
}

TEST_F(TlsRefusal, AnExpiredCertificate) {
  const Issued old = authority.issue({.from = std::chrono::hours(-20), .to = std::chrono::hours(-1)});
  server_context.load_cert_chain_pem(old.certificate, old.key);
  refused();
  EXPECT_THAT(client_text,
              HasSubstr("certificate has expired (it is CN=server (localhost), issued by CN=Test CA"));
  EXPECT_THAT(server_text, HasSubstr("certificate expired"));
}

TEST_F(TlsRefusal, NoCommonVersion) {
  server_context.set_minimum_version(Version::tls1_3);
  client_context.set_maximum_version(Version::tls1_2);
  refused();
  EXPECT_THAT(client_text, HasSubstr("protocol version"));
  EXPECT_THAT(server_text, HasSubstr("unsupported protocol"));
}

TEST_F(TlsRefusal, NoCommonProtocolAbove) {
  server_context.set_alpn_protocols({"h2"});
  client_context.set_alpn_protocols({"imap"});
  refused();
  EXPECT_THAT(client_text, HasSubstr("no application protocol"));
  EXPECT_TRUE(server_error);
}

TEST_F(TlsRefusal, NoCertificateToServeWith) {
  server_context = Context::server();
  server_context.set_handshake_failed([this](const Error& error) { server_text = error.what(); });
  refused();
  EXPECT_THAT(server_text, HasSubstr("there is no certificate to serve with (load_cert_chain)"));
  EXPECT_TRUE(is_alert(client_error)) << client_text;
}

TEST_F(TlsRefusal, AClientWithoutACertificateWhereOneIsRequired) {
  server_context.load_verify_pem(authority.certificate());
  server_context.set_verify_mode(VerifyMode::required);
  begin();  // in TLS 1.3 a client learns it after its handshake is done
  EXPECT_THAT(server_text, HasSubstr("peer did not return a certificate"));
  EXPECT_EQ(server->application->made, 0);
  ASSERT_TRUE(client->application->lost);
  EXPECT_TRUE(is_alert(client->application->lost->error()));
}

// Whoever speaks in clear.
TEST_F(TlsRefusal, APlainClient) {
  make();
  server->transport.connect(*server->filter);
  server->transport.receive("USER megan\r\n");
  server->transport.turn();
  EXPECT_EQ(server_error, Failure::not_tls);
  EXPECT_THAT(server_text, HasSubstr("the peer does not speak TLS (it said \"USER megan\")"));
  EXPECT_EQ(server->transport.written(), std::string("\x15\x03\x01\0\2\2\x46", 7));  // an alert
  EXPECT_TRUE(server->transport.closing());
  EXPECT_EQ(server->application->made, 0);
}

TEST_F(TlsRefusal, ABrowserWithoutTls) {
  make();
  server->transport.connect(*server->filter);
  server->transport.receive("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
  server->transport.turn();
  EXPECT_EQ(server_error, Failure::not_tls);
  const std::string& answer = server->transport.written();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 400 Bad Request\r\n"));
  const std::size_t body = answer.find("\r\n\r\n") + 4;
  EXPECT_THAT(answer, HasSubstr("Content-Length: " + std::to_string(answer.size() - body) + "\r\n"));
}

TEST_F(TlsRefusal, APlainServer) {
  make();
  client->transport.connect(*client->filter);
  client->transport.receive("220 mail.example.org\r\n");
  client->transport.turn();
  EXPECT_EQ(client_error, Failure::not_tls);
  EXPECT_THAT(client_text, HasSubstr("it said \"220 mail.example.org\""));
}

TEST_F(TlsRefusal, AnEndInTheMiddleOfTheHandshake) {
  make();
  connect();
  carry(client->transport, server->transport, std::string::npos);
  server->transport.receive_end();
  server->transport.turn();
  EXPECT_EQ(server_error, Failure::closed_in_handshake);
}

// Whom a server serves, and as whom.

TEST_F(TlsFilter, AClientShowsItsCertificate) {
  const Issued own = authority.issue({.names = {}, .common_name = "megan", .for_clients = true});
  client_context.load_cert_chain_pem(own.certificate, own.key);
  server_context.load_verify_pem(authority.certificate());
  for (const VerifyMode mode : {VerifyMode::optional, VerifyMode::required}) {
    server_context.set_verify_mode(mode);
    EXPECT_EQ(server_context.verify_mode(), mode);
    begin();
    ASSERT_TRUE(both_made());
    ASSERT_TRUE(server->tls().details().peer_certificate);
    EXPECT_EQ(server->tls().details().peer_certificate->common_name, "megan");
  }
}

TEST_F(TlsFilter, AServerHasACertificateForEachName) {
  const auto serving = [&](const std::string& name) {
    Context context = Context::server();
    const Issued issued = authority.issue({.names = {name}});
    context.load_cert_chain_pem(issued.certificate, issued.key);
    return context;
  };
  server_context.add_server_name("example.org", serving("example.org"));
  server_context.add_server_name("*.example.org", serving("*.example.org"));
  server_context.set_servername_callback([&](std::string_view name) {
    return name == "callback.example.net" ? std::optional(serving("callback.example.net")) : std::nullopt;
  });
  for (const auto& [asked, shown] : {std::pair{"example.org", "example.org"},
                                     {"www.example.org", "*.example.org"},
                                     {"callback.example.net", "callback.example.net"},
                                     {"localhost", "localhost"}}) {
    begin(asked);
    ASSERT_TRUE(both_made()) << asked;
    EXPECT_EQ(client->tls().details().peer_certificate->host_names, std::vector<std::string>{shown});
    EXPECT_EQ(server->tls().details().server_name, asked);
  }
}

// Sessions.

TEST_F(TlsFilter, ASessionGoesOn) {
  for (const Version version : {Version::tls1_2, Version::tls1_3}) {
    client_context.set_maximum_version(version);
    for (const bool resumed : {false, true, true}) {
      begin();
      ASSERT_TRUE(both_made());
      EXPECT_EQ(client->tls().details().session_reused, resumed);
      EXPECT_EQ(server->tls().details().session_reused, resumed);
      EXPECT_TRUE(client->tls().details().peer_certificate);  // that of the first time
      client->application->transport().lose_connection();
      carry();
    }
  }
  EXPECT_EQ(server_context.statistics().resumed, 4U);
}

// With the keys of its tickets shared.
TEST_F(TlsFilter, ASessionGoesOnWithAnotherServer) {
  const std::string keys(80, 'k');
  server_context.set_ticket_keys(keys);
  begin();
  Context other = Context::server();
  const Issued issued = authority.issue();
  other.load_cert_chain_pem(issued.certificate, issued.key);
  other.set_ticket_keys(keys);
  server_context = other;
  begin();
  ASSERT_TRUE(both_made());
  EXPECT_TRUE(server->tls().details().session_reused);
  EXPECT_THROW(other.set_ticket_keys("short"), std::invalid_argument);
}

// Otherwise who may ask for one name without a certificate would get to another that requires one.
TEST_F(TlsFilter, ASessionDoesNotGoOnUnderAnotherName) {
  const auto wildcard = authority.issue({.names = {"*.example.org"}});
  for (const Version version : {Version::tls1_2, Version::tls1_3}) {
    Context closed = Context::server();
    closed.load_cert_chain_pem(wildcard.certificate, wildcard.key);
    closed.load_verify_pem(authority.certificate());
    closed.set_verify_mode(VerifyMode::required);
    server_context = Context::server();
    server_context.load_cert_chain_pem(wildcard.certificate, wildcard.key);
    server_context.add_server_name("closed.example.org", closed);
    client_context.set_maximum_version(version);
    begin("open.example.org");
    ASSERT_TRUE(both_made());
    // A client that puts the session under the other name.
    SessionCache& sessions = ContextState::of(client_context)->sessions();
    sessions.put("closed.example.org", sessions.take("open.example.org"));
    begin("closed.example.org");
    EXPECT_EQ(server->application->made, 0);
  }
}

TEST_F(TlsFilter, WithoutTicketsNothingGoesOn) {
  server_context.set_num_tickets(0);
  for (const Version version : {Version::tls1_2, Version::tls1_3}) {
    client_context.set_maximum_version(version);
    for (int i = 0; i < 2; ++i) {
      begin();
      ASSERT_TRUE(both_made());
      EXPECT_FALSE(client->tls().details().session_reused);
    }
  }
}

// Put under a living protocol.

TEST_F(TlsFilter, ItCanBePutUnderALivingConnection) {
  StringTransport ours;
  StringTransport theirs;
  Told here;
  Told there;
  ours.connect(here);
  theirs.connect(there);
  theirs.receive("STARTTLS");
  EXPECT_EQ(there.received, "STARTTLS");
  there.transport().write("go ahead");  // in clear
  there.transport().insert(std::make_unique<Filter>(server_context), {});
  there.transport().write("first secret");
  EXPECT_EQ(theirs.written(), "go ahead");
  theirs.clear();
  here.transport().insert(std::make_unique<Filter>(client_context, "localhost"), {});
  ours.turn();
  for (int i = 0; i < 8; ++i) {
    carry(ours, theirs, std::string::npos);
    carry(theirs, ours, std::string::npos);
    ours.turn();
    theirs.turn();
  }
  EXPECT_EQ(here.received, "first secret");
  here.transport().write("second secret");
  ours.turn();
  carry(ours, theirs, std::string::npos);
  EXPECT_EQ(there.received, "STARTTLSsecond secret");
  EXPECT_EQ(here.made, 1);
}

TEST_F(TlsFilter, ItStandsUponItself) {
  const auto two = [](const Wrap& wrap) { return layers(wrap, wrap)(Address()); };
  server.emplace(two(server_context.wrap()));
  client.emplace(two(client_context.wrap("localhost")));
  client->application->greeting = std::string(100000, 'x');
  connect();
  carry(1000);
  EXPECT_EQ(server->application->received, client->application->greeting);
  client->application->transport().lose_connection();
  carry();
  EXPECT_EQ(server->application->ends, 1);
}

// Limits.

TEST_F(TlsFilter, HandshakesWaitForEachOther) {
  server_context.set_handshakes_at_once(1);
  const Wrap wrap = server_context.wrap();
  std::vector<std::unique_ptr<End>> servers;
  std::vector<std::unique_ptr<End>> clients;
  for (int i = 0; i < 3; ++i) {
    servers.push_back(std::make_unique<End>(wrap(Address())));
    clients.push_back(std::make_unique<End>(client_context.wrap("localhost")(Address())));
    servers.back()->transport.connect(*servers.back()->filter);
    clients.back()->transport.connect(*clients.back()->filter);
    carry(clients.back()->transport, servers.back()->transport, std::string::npos);
  }
  EXPECT_NE(servers[0]->transport.written(), "");
  EXPECT_EQ(servers[1]->transport.written(), "");
  servers[1]->transport.lose(Reason(Reason::Kind::aborted));  // one that waits may go
  for (const std::size_t i : {0U, 2U}) {
    for (int round = 0; round < 4; ++round) {
      servers[i]->transport.turn();
      carry(servers[i]->transport, clients[i]->transport, std::string::npos);
      carry(clients[i]->transport, servers[i]->transport, std::string::npos);
    }
    EXPECT_EQ(servers[i]->application->made, 1) << i;
  }
}

TEST_F(TlsFilter, AFloodOfKeyUpdatesEndsTheConnection) {
  server_context.set_control_messages(10);
  for (const int updates : {10, 11}) {
    begin();
    ASSERT_TRUE(both_made());
    const auto& engine = EngineOf::get(client->tls());
    for (int i = 0; i < updates; ++i) {
      SSL_key_update(const_cast<SSL*>(&engine.ssl()), SSL_KEY_UPDATE_NOT_REQUESTED);
      SSL_do_handshake(const_cast<SSL*>(&engine.ssl()));
    }
    client->application->transport().write("data");
    carry();
    EXPECT_EQ(server->application->received, updates == 10 ? "data" : "");
    EXPECT_EQ(server->application->lost.has_value(), updates != 10);
  }
}

TEST_F(TlsFilter, ContextsOfTheOtherRoleAreRefused) {
  EXPECT_THROW((void)client_context.wrap(), std::logic_error);
  EXPECT_THROW((void)server_context.wrap("localhost"), std::logic_error);
  EXPECT_THROW(Filter{client_context}, std::logic_error);
  EXPECT_THROW((void)client_context.wrap(""), std::invalid_argument);
  EXPECT_THROW((void)client_context.wrap("b\xc3\xbc"
                                         "cher.example"),
               std::invalid_argument);
  EXPECT_THROW((void)client_context.wrap("*.example.org"), std::invalid_argument);
  EXPECT_THROW((void)client_context.wrap(".example.org"), std::invalid_argument);
}

}  // namespace
}  // namespace parley::tls
