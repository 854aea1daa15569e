// Contexts: what they are set up with, and what of it is wrong.

#include "parley/tls/context.h"

#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <iterator>
#include <openssl/pem.h>
#include <optional>
#include <string>
#include <vector>

#include "parley/tls/authority_fixture.h"
#include "parley/tls/context_state.h"
#include "parley/tls/details.h"
#include "parley/tls/engine.h"

namespace parley::tls {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing_tls::Authority;
using testing_tls::Issued;

class TlsContext : public testing::Test {
 protected:
  TlsContext() { std::filesystem::create_directory(folder); }
  ~TlsContext() override { std::filesystem::remove_all(folder); }

  std::string write(const std::string& name, std::string_view text) const {
    const std::string path = folder / name;
    // A file of another time, so that it is not taken for the one before.
    std::ofstream(path, std::ios::binary) << text;
    static int written = 0;
    std::filesystem::last_write_time(
        path, std::filesystem::file_time_type::clock::now() + std::chrono::seconds(++written));
    return path;
  }
  static std::string read(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  // What a client is shown.
  Certificate shown(const Context& by, const std::string& name = "localhost") {
    client.load_verify_pem(authority.certificate());
    ContextState::of(client)->sessions().take(name);  // of which it would be shown nothing
    Engine ours(ContextState::shared(by), {});
    Engine theirs(ContextState::shared(client), name);
    shake(ours, theirs);
    return details_of(theirs).peer_certificate.value_or(Certificate());
  }
  static void shake(Engine& ours, Engine& theirs) {
    for (int i = 0; i < 6; ++i) {
      pass(theirs, ours);
      pass(ours, theirs);
    }
  }
  static void pass(Engine& from, Engine& to) {
    if (from.is_shaking()) from.handshake();
    const std::string bytes(from.pending());
    from.clear_pending();
    to.feed(bytes);
    if (to.is_shaking()) to.handshake();
    char plaintext[100];
    std::size_t size = 0;
    if (!to.is_shaking() && to.holds_input()) to.read(plaintext, size);
    to.feed({});
  }
  static std::string refusal(auto call) {
    try {
      call();
      return "it was not refused";
    } catch (const SocketError& error) {
      return error.what();
    }
  }

  const std::filesystem::path folder =
      std::filesystem::path(testing::TempDir()) /
      ("parley-tls-" + std::to_string(std::chrono::steady_clock::now().time_since_epoch().count()));
  Authority authority;
  Issued issued = authority.issue();
  Context server = Context::server();
  Context client = Context::client();
};

TEST_F(TlsContext, APairStandsInTwoFilesOrInOne) {
  const std::string certificate = write("cert.pem", issued.certificate);
  server.load_cert_chain(certificate, write("key.pem", issued.key));
  EXPECT_EQ(shown(server), Certificate::from_pem(issued.certificate));
  Context other = Context::server();
  other.load_cert_chain(write("both.pem", issued.certificate + issued.key));
  EXPECT_EQ(shown(other), Certificate::from_pem(issued.certificate));
}

TEST_F(TlsContext, TwoKindsOfKeysStandBesideEachOther) {
  const Issued rsa = authority.issue({.rsa = true});
  server.load_cert_chain_pem(rsa.certificate, rsa.key);
  server.load_cert_chain_pem(issued.certificate, issued.key);
  EXPECT_EQ(shown(server), Certificate::from_pem(issued.certificate));
  client.set_maximum_version(Version::tls1_2);
  client.set_ciphers("ECDHE+aRSA+AESGCM");
  EXPECT_EQ(shown(server), Certificate::from_pem(rsa.certificate));
}

TEST_F(TlsContext, WhatIsWrongWithAPairIsSaid) {
  const std::string certificate = write("cert.pem", issued.certificate);
  const std::string key = write("key.pem", issued.key);
  const std::string none = folder / "none.pem";
  EXPECT_THAT(refusal([&] { server.load_cert_chain(none, key); }), HasSubstr("none.pem: No such file"));
  EXPECT_THAT(refusal([&] { server.load_cert_chain(certificate, none); }),
              HasSubstr("none.pem: No such file"));
  EXPECT_THAT(refusal([&] { server.load_cert_chain(folder); }), HasSubstr("directory"));
  EXPECT_THAT(refusal([&] { server.load_cert_chain(write("empty.pem", "")); }),
              HasSubstr("there is no certificate in PEM in it"));
  EXPECT_THAT(refusal([&] { server.load_cert_chain(certificate); }),
              HasSubstr("there is no key in PEM in it"));
  EXPECT_THAT(refusal([&] { server.load_cert_chain(certificate, certificate); }),
              HasSubstr("cert.pem: Invalid argument (there is no key in PEM in it"));
  const Issued other = authority.issue();
  EXPECT_THAT(refusal([&] { server.load_cert_chain(certificate, write("other.pem", other.key)); }),
              HasSubstr("is not that of the first certificate"));
  const std::string broken =
      issued.certificate + "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
  EXPECT_THAT(refusal([&] { server.load_cert_chain(write("broken.pem", broken), key); }),
              HasSubstr("certificate 2 is broken"));
  EXPECT_THAT(refusal([&] { server.load_cert_chain(write("huge.pem", std::string(2'000'000, ' '))); }),
              HasSubstr("at most 1048576 bytes"));
  EXPECT_EQ(shown(server), Certificate());  // nothing was loaded
}

TEST_F(TlsContext, AKeyMayHaveAPassphrase) {
  const BioPtr bio(BIO_new_mem_buf(issued.key.data(), static_cast<int>(issued.key.size())));
  const KeyPtr key(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr));
  const BioPtr out(BIO_new(BIO_s_mem()));
  PEM_write_bio_PrivateKey(out.get(), key.get(), EVP_aes_128_cbc(), nullptr, 0, nullptr,
                           const_cast<char*>("secret"));
  const std::string locked = testing_tls::detail::take_text(out.get());
  EXPECT_THAT(refusal([&] { server.load_cert_chain_pem(issued.certificate, locked); }),
              HasSubstr("the key has a passphrase, and none was given"));
  EXPECT_THAT(
      refusal([&] { server.load_cert_chain_pem(issued.certificate, locked, [] { return "wrong"; }); }),
      HasSubstr("the passphrase is wrong"));
  struct Asked {};
  EXPECT_THROW(server.load_cert_chain_pem(issued.certificate, locked, []() -> std::string { throw Asked(); }),
               Asked);
  server.load_cert_chain_pem(issued.certificate, locked, [] { return "secret"; });
  EXPECT_EQ(shown(server), Certificate::from_pem(issued.certificate));
}

// A certificate is renewed: files are written, one after the other, by somebody else.
class TlsRenewal : public TlsContext {
 protected:
  TlsRenewal() {
    server.load_cert_chain(write("cert.pem", issued.certificate), write("key.pem", issued.key));
    server.set_reload_failed([this](const SocketError& error) { failures.emplace_back(error.what()); });
    EXPECT_EQ(shown(server), Certificate::from_pem(issued.certificate));
  }

  const Issued renewed = authority.issue();
  std::vector<std::string> failures;
};

TEST_F(TlsRenewal, FilesThatChangeAreNoticed) {
  server.set_reload_interval(Duration::zero());
  write("cert.pem", renewed.certificate);
  EXPECT_EQ(shown(server), Certificate::from_pem(issued.certificate));  // half of it
  ASSERT_EQ(failures.size(), 1U);
  EXPECT_THAT(failures[0], HasSubstr("is not that of the first certificate"));
  write("key.pem", renewed.key);
  EXPECT_EQ(shown(server), Certificate::from_pem(renewed.certificate));
  EXPECT_EQ(shown(server), Certificate::from_pem(renewed.certificate));
  EXPECT_EQ(failures.size(), 1U);
}

TEST_F(TlsRenewal, NotSoonerThanTheIntervalSays) {
  write("cert.pem", renewed.certificate);
  write("key.pem", renewed.key);
  EXPECT_EQ(shown(server), Certificate::from_pem(issued.certificate));  // a minute
  server.reload();
  EXPECT_EQ(shown(server), Certificate::from_pem(renewed.certificate));
}

TEST_F(TlsRenewal, ABrokenPairLeavesTheOldInForce) {
  server.set_reload_interval(Duration::zero());
  for (const std::string broken : {"", "nonsense"}) {
    write("cert.pem", broken);
    EXPECT_EQ(shown(server), Certificate::from_pem(issued.certificate));
    EXPECT_THAT(refusal([&] { server.reload(); }), HasSubstr("cert.pem"));
  }
  std::filesystem::remove(folder / "cert.pem");
  EXPECT_EQ(shown(server), Certificate::from_pem(issued.certificate));
  EXPECT_THAT(failures.back(), HasSubstr("No such file"));
}

// Also that of a name.
TEST_F(TlsRenewal, ServersOfOtherNamesAreRenewedToo) {
  const Issued named = authority.issue({.names = {"example.org"}});
  Context other = Context::server();
  other.load_cert_chain(write("n-cert.pem", named.certificate), write("n-key.pem", named.key));
  other.set_reload_interval(Duration::zero());
  server.add_server_name("example.org", other);
  EXPECT_EQ(shown(server, "example.org"), Certificate::from_pem(named.certificate));
  const Issued again = authority.issue({.names = {"example.org"}});
  write("n-cert.pem", again.certificate);
  write("n-key.pem", again.key);
  EXPECT_EQ(shown(server, "example.org"), Certificate::from_pem(again.certificate));
}

TEST_F(TlsContext, SecretsAreWrittenWhereAFileIsNamed) {
  server.load_cert_chain_pem(issued.certificate, issued.key);
  const std::string path = folder / "keys.log";
  client.set_keylog_filename(path);
  shown(server);
  EXPECT_THAT(read(path), HasSubstr("CLIENT_TRAFFIC_SECRET_0 "));
  EXPECT_EQ(std::filesystem::status(path).permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  client.set_keylog_filename("");
  const std::string before = read(path);
  shown(server);
  EXPECT_EQ(read(path), before);
  EXPECT_THAT(refusal([&] { client.set_keylog_filename(folder / "none" / "keys.log"); }),
              HasSubstr("No such file"));
}

TEST_F(TlsContext, WhatIsNotUnderstoodIsRefused) {
  EXPECT_THAT(refusal([&] { server.set_ciphers("NONSENSE"); }), HasSubstr("set_ciphers NONSENSE"));
  EXPECT_THAT(refusal([&] { server.set_ciphersuites("NONSENSE"); }), HasSubstr("set_ciphersuites NONSENSE"));
  EXPECT_THAT(refusal([&] { client.load_verify_pem("nonsense"); }),
              HasSubstr("load_verify_pem the text: Invalid argument (certificate 1: "));
  EXPECT_THROW(client.load_verify_locations(""), std::invalid_argument);
  EXPECT_THROW(client.set_alpn_protocols({""}), std::invalid_argument);
  EXPECT_THROW(client.set_alpn_protocols({std::string(256, 'x')}), std::invalid_argument);
  EXPECT_THROW(server.add_server_name("example.org", client), std::logic_error);
  EXPECT_THROW(server.add_server_name("*", server), std::invalid_argument);
  EXPECT_THROW(server.set_handshakes_at_once(0), std::invalid_argument);
}

TEST_F(TlsContext, ModesAreWhatTheyWereSetTo) {
  EXPECT_EQ(client.verify_mode(), VerifyMode::required);
  EXPECT_EQ(server.verify_mode(), VerifyMode::none);
  EXPECT_TRUE(client.check_hostname());
  client.set_verify_mode(VerifyMode::none);
  EXPECT_EQ(client.verify_mode(), VerifyMode::none);
}

// For tests of others alone: nothing is checked.
TEST_F(TlsContext, AClientThatVerifiesNothing) {
  const Issued other = authority.issue({.names = {"example.org"}});
  server.load_cert_chain_pem(other.certificate, other.key);
  EXPECT_EQ(shown(server), Certificate());
  client.set_check_hostname(false);
  EXPECT_EQ(shown(server), Certificate::from_pem(other.certificate));
  client = Context::client();
  client.set_verify_mode(VerifyMode::none);
  Engine ours(ContextState::shared(server), {});
  Engine theirs(ContextState::shared(client), "localhost");
  shake(ours, theirs);
  EXPECT_FALSE(theirs.is_shaking());
}

TEST_F(TlsContext, ACertificateIsRead) {
  const Issued read = authority.issue({.names = {"example.org", "*.example.net", "192.0.2.1", "2001:db8::1"},
                                       .common_name = "b\xc3\xbc"
                                                      "cher, \"ltd\"\x1b[31m",
                                       .from = std::chrono::hours(-5)});
  const Certificate certificate = Certificate::from_pem(read.certificate);
  EXPECT_EQ(certificate.subject,
            "CN=b\xc3\xbc"
            "cher\\, \\\"ltd\\\"\\1B[31m");
  EXPECT_EQ(certificate.issuer, "CN=Test CA");
  EXPECT_EQ(certificate.common_name,
            "b\xc3\xbc"
            "cher, \"ltd\"\x1b[31m");
  EXPECT_THAT(certificate.host_names, ElementsAre("example.org", "*.example.net"));
  EXPECT_THAT(certificate.addresses, ElementsAre(Address("192.0.2.1", 0), Address("2001:db8::1", 0)));
  EXPECT_EQ(certificate.fingerprint.size(), 64U);
  const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  EXPECT_TRUE(certificate.valid_at(now));
  EXPECT_FALSE(certificate.valid_at(now - std::chrono::hours(6)));
  EXPECT_NEAR(static_cast<double>((now - certificate.not_before).count()), 5 * 3600, 60);
  EXPECT_EQ(certificate, Certificate::from_der(certificate.der));
  EXPECT_EQ(Certificate::from_pem(certificate.pem()), certificate);
  EXPECT_THAT(concat(certificate),
              HasSubstr("(example.org, *.example.net, 192.0.2.1, 2001:db8::1), issued by "
                        "CN=Test CA, valid from 20"));
  EXPECT_THROW(Certificate::from_pem("nonsense"), std::invalid_argument);
  EXPECT_THROW(Certificate::from_der("nonsense"), std::invalid_argument);
  EXPECT_THROW(Certificate().pem(), std::invalid_argument);
}

}  // namespace
}  // namespace parley::tls
