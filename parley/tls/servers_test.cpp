// Whom a server serves, and as whom; and sessions that go on.

#include <stdexcept>
#include <vector>

#include "parley/tls/context_state.h"
#include "parley/tls/filter_fixture.h"

namespace parley::tls {
namespace {

using testing_tls::Issued;

class TlsServers : public FilterFixture {};

TEST_F(TlsServers, AClientShowsItsCertificate) {
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

TEST_F(TlsServers, AServerHasACertificateForEachName) {
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

TEST_F(TlsServers, ASessionGoesOn) {
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
TEST_F(TlsServers, ASessionGoesOnWithAnotherServer) {
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
TEST_F(TlsServers, ASessionDoesNotGoOnUnderAnotherName) {
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

// Nor with a server that asks for a certificate, where another with the same keys of tickets did not.
TEST_F(TlsServers, ASessionDoesNotGoOnWithAServerThatAsksForMore) {
  const std::string keys(80, 'k');
  Context asking = Context::server();
  const Issued issued = authority.issue();
  asking.load_cert_chain_pem(issued.certificate, issued.key);
  asking.load_verify_pem(authority.certificate());
  asking.set_verify_mode(VerifyMode::required);
  asking.set_ticket_keys(keys);
  server_context.set_ticket_keys(keys);
  const Context open = server_context;
  for (const Version version : {Version::tls1_2, Version::tls1_3}) {
    client_context.set_maximum_version(version);
    server_context = open;
    begin();
    ASSERT_TRUE(both_made());
    server_context = asking;
    begin();
    EXPECT_EQ(server->application->made, 0);
  }
}

// A client that asks for another name once it was told to begin anew (HelloRetryRequest).
TEST_F(TlsServers, TheNameStaysWhatItWasAtFirst) {
  Context secret = Context::server();
  const Issued issued = authority.issue({.names = {"secret.example"}});
  secret.load_cert_chain_pem(issued.certificate, issued.key);
  secret.set_verify_mode(VerifyMode::required);
  server_context.add_server_name("secret.example", secret);
  server_context.add_server_name("localhost", [&] {
    Context open = Context::server();
    const Issued own = authority.issue();
    open.load_cert_chain_pem(own.certificate, own.key);
    return open;
  }());
  for (const bool changes : {false, true}) {
    client_context.set_verify_mode(VerifyMode::none);
    Engine ours(ContextState::shared(server_context), {});
    Engine theirs(ContextState::shared(client_context), "localhost");
    SSL* const ssl = const_cast<SSL*>(&theirs.ssl());
    ASSERT_EQ(SSL_set1_groups_list(ssl, "ffdhe2048:X25519"), 1);
    std::string back;
    for (int i = 0; i < 4; ++i) {
      if (i == 1 && changes) SSL_set_tlsext_host_name(ssl, "secret.example");
      theirs.feed(back);
      theirs.handshake();
      const std::string there(theirs.pending());
      theirs.clear_pending();
      ours.feed(there);
      ours.handshake();
      ours.feed({});
      back = ours.pending();
      ours.clear_pending();
    }
    EXPECT_EQ(ours.is_shaking(), changes);
  }
}

TEST_F(TlsServers, WithoutTicketsNothingGoesOn) {
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

}  // namespace
}  // namespace parley::tls
