// What is refused, and what each end is told of it.

#include <string>

#include "parley/tls/error.h"
#include "parley/tls/filter_fixture.h"

namespace parley::tls {
namespace {

using testing::HasSubstr;
using testing::StartsWith;
using testing_tls::Issued;

class TlsRefusal : public FilterFixture {
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

}  // namespace
}  // namespace parley::tls
