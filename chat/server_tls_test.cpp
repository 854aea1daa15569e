// parleyd over TLS: one listener in clear, one with a certificate, on a network in memory.

#include <chrono>
#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "chat/server_fixture.h"
#include "parley/reactor/string_transport.h"
#include "parley/tls/authority_fixture.h"
#include "parley/tls/context.h"

namespace chat {
namespace {

using parley::testing_tls::Authority;
using parley::testing_tls::Issued;
using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr int tls_port = 2627;

class ServerTlsTest : public ServerTest {
 protected:
  // Somebody who speaks TLS: what a MemoryPeer is to the other tests.
  class TlsPeer {
   public:
    TlsPeer(parley::MemoryPeer peer, const parley::tls::Context& context)
        : wire(std::move(peer)), filter_(context.wrap("localhost")(wire.address())) {
      filter_->carry(std::make_unique<Received>(*received_));
      transport_->connect(*filter_);
    }

    // Carries what either end has for the other.
    void carry() {
      transport_->receive(wire.take());
      transport_->turn();
      wire.send(transport_->written());
      transport_->clear();
    }
    void send(std::string_view text) {
      transport_->write(text);
      carry();
    }
    std::string take() { return std::exchange(*received_, {}); }

    parley::MemoryPeer wire;

   private:
    struct Received final : parley::Protocol {
      explicit Received(std::string& to) : to_(to) {}
      void data_received(std::span<char> lent) override { to_.append(lent.data(), lent.size()); }
      std::string& to_;
    };

    std::unique_ptr<std::string> received_ = std::make_unique<std::string>();
    std::unique_ptr<parley::StringTransport> transport_ = std::make_unique<parley::StringTransport>();
    std::unique_ptr<parley::Filter> filter_;
  };

  void SetUp() override {
    folder_ = testing::TempDir() + "parleyd-" + testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::create_directories(folder_);
    config.exempt.clear();
    config.listeners.resize(2);
    config.listeners[1].endpoint = {parley::ServerEndpoint::Tcp{.address = {"127.0.0.1", tls_port}}};
    config.listeners[1].tls = TlsConfig{file("cert"), file("key"), {}};
    issue();
    context.load_verify_pem(authority.certificate());
  }
  void TearDown() override {
    ServerTest::TearDown();
    std::filesystem::remove_all(folder_);
  }

  std::string file(const std::string& name) const { return folder_ + "/" + name; }
  void write(const std::string& name, const std::string& text) { std::ofstream(file(name)) << text; }
  void issue() {
    const Issued issued = authority.issue();
    write("cert", issued.certificate);
    write("key", issued.key);
  }

  parley::MemoryPeer connect() {
    parley::MemoryPeer peer = network.connect(tls_port);
    turns();
    return peer;
  }
  TlsPeer join_tls() {
    TlsPeer peer(network.connect(tls_port), context);
    carry(peer);
    return peer;
  }
  void carry(TlsPeer& peer) {
    for (int i = 0; i < 4; ++i) {
      peer.carry();
      turns();
    }
    peer.carry();
  }
  void pass(parley::Duration time) {
    clock.advance(time);
    turns();
  }
  // What starting it with this configuration is refused with.
  std::string complaint() {
    try {
      start(config);
    } catch (const parley::SocketError& error) {
      return std::string("of a socket: ") + error.what();
    } catch (const std::runtime_error& error) {
      return error.what();
    }
    return {};
  }

  Config config;
  Authority authority;
  parley::tls::Context context = parley::tls::Context::client();

 private:
  std::string folder_;
};

TEST_F(ServerTlsTest, PeopleInClearAndOverTlsAreInOneRoom) {
  start(config);
  parley::MemoryPeer ann = join();
  TlsPeer bob = join_tls();
  EXPECT_EQ(bob.take(), greeting);
  EXPECT_EQ(ann.take(), greeting + joined(bob.wire));
  bob.send("hello\r\n");
  turns();
  EXPECT_EQ(ann.take(), says(bob.wire, "hello"));
  ann.send("good day\n");
  carry(bob);
  EXPECT_EQ(bob.take(), says(ann, "good day"));
}

TEST_F(ServerTlsTest, WhoSaysNothingIsCutOffByTheDeadlineOfHandshakes) {
  start(config);
  const parley::MemoryPeer silent = connect();
  parley::MemoryPeer slow = connect();
  slow.send("\x16");  // a record begins
  parley::MemoryPeer in_clear = join();
  pass(9s);
  EXPECT_FALSE(silent.ended());
  EXPECT_FALSE(slow.ended());
  pass(1s);
  EXPECT_TRUE(silent.ended() || silent.was_reset());
  EXPECT_TRUE(slow.ended() || slow.was_reset());
  EXPECT_FALSE(in_clear.ended());
  EXPECT_EQ(in_clear.take(), greeting) << "of those nobody was told";
}

TEST_F(ServerTlsTest, ConnectionsCountWhileTheyShakeHands) {
  config.connections_per_ip = 3;
  start(config);
  const parley::MemoryPeer first = connect();
  const parley::MemoryPeer second = connect();
  EXPECT_FALSE(second.ended());
  TlsPeer ann = join_tls();
  EXPECT_EQ(ann.take(), greeting);
  EXPECT_TRUE(connect().ended());
  EXPECT_TRUE(join().ended()) << "over all listeners";
  EXPECT_THAT(log.lines, Contains(AllOf(HasSubstr("refused 127.0.0.1"), HasSubstr("it has 3 connections"))));
  pass(10s);  // two handshakes have ended
  TlsPeer bob = join_tls();
  EXPECT_EQ(bob.take(), greeting);
  EXPECT_FALSE(join().ended());
  EXPECT_TRUE(join().ended());
  bob.wire.close();
  turns();
  EXPECT_FALSE(join().ended());
}

TEST_F(ServerTlsTest, NewConnectionsCountThoughTheirHandshakesFail) {
  config.connect_rate = 3;
  start(config);
  for (int i = 0; i < 3; ++i) {
    parley::MemoryPeer peer = connect();
    EXPECT_FALSE(peer.ended());
    peer.close();
    turns();
  }
  EXPECT_TRUE(connect().ended());
  pass(10s);
  EXPECT_FALSE(connect().ended());
}

TEST_F(ServerTlsTest, WhoIsExemptIsNotCounted) {
  config = Config();
  SetUp();
  config.exempt = Config().exempt;
  config.connections_per_ip = 1;
  start(config);
  const parley::MemoryPeer first = connect();
  EXPECT_FALSE(connect().ended());
  EXPECT_EQ(join_tls().take(), greeting);
}

TEST_F(ServerTlsTest, LinesAreCountedAndSilencesWatchedAboveIt) {
  config.idle_timeout = 80s;
  start(config);
  parley::MemoryPeer ann = join();
  TlsPeer flooder = join_tls();
  ann.take();
  std::string sent;
  std::string first;
  for (int i = 0; i < 200; ++i) sent += parley::concat(i, "\n");
  for (int i = 0; i < 60; ++i) first += says(flooder.wire, parley::concat(i));
  flooder.send(sent);  // in one record
  turns();
  EXPECT_EQ(ann.take(), first);
  pass(50ms);
  EXPECT_EQ(ann.take(), says(flooder.wire, "60"));
  for (int i = 0; i < 8; ++i) pass(1s);
  EXPECT_THAT(ann.take(), HasSubstr(says(flooder.wire, "199")));
  carry(flooder);
  flooder.take();
  for (int i = 0; i < 9; ++i) pass(10s);
  carry(flooder);
  EXPECT_THAT(flooder.take(), HasSubstr("You have said nothing for too long\r\n"));
  EXPECT_TRUE(flooder.wire.ended());
}

TEST_F(ServerTlsTest, WhoSpeaksInClearThereIsToldNothingAndTheLogWhy) {
  start(config);
  parley::MemoryPeer lost = connect();
  lost.send("hello, is anybody there?\r\n");
  turns();
  EXPECT_TRUE(lost.ended());
  EXPECT_EQ(lost.take().find("Parley"), std::string::npos);
  ASSERT_EQ(log.lines.size(), 1U);
  EXPECT_EQ(log.lines[0],
            parley::concat("TLS handshake ", name(lost),
                           ": the peer does not speak TLS (it said \"hello, is anybody there?\")"));
  EXPECT_EQ(log.levels[0], parley::Level::debug);
}

TEST_F(ServerTlsTest, ACertificateIsAskedFor) {
  config.listeners[1].tls->client_ca = file("ca");
  write("ca", authority.certificate());
  start(config);
  EXPECT_EQ(join_tls().take(), "");
  ASSERT_EQ(log.lines.size(), 1U);
  EXPECT_THAT(log.lines[0], AllOf(HasSubstr("TLS handshake "), HasSubstr("did not return a certificate")));
  const Issued own = authority.issue({.for_clients = true});
  context.load_cert_chain_pem(own.certificate, own.key);
  EXPECT_EQ(join_tls().take(), greeting);
}

TEST_F(ServerTlsTest, ANewCertificateIsForThoseWhoComeThen) {
  start(config);
  TlsPeer ann = join_tls();
  EXPECT_EQ(ann.take(), greeting);
  parley::RecordingLog told;
  Authority another("Another CA");
  std::swap(authority, another);
  issue();
  server->reload_certificates(told);
  EXPECT_THAT(told.lines, ElementsAre(AllOf(HasSubstr("SIGHUP: "), HasSubstr(file("cert")))));
  context = parley::tls::Context::client();  // who has no session to go on with
  context.load_verify_pem(another.certificate());
  EXPECT_EQ(join_tls().take(), "") << "it does not trust the new one";
  context = parley::tls::Context::client();
  context.load_verify_pem(authority.certificate());
  TlsPeer bob = join_tls();
  EXPECT_EQ(bob.take(), greeting);
  bob.send("I am new here\n");
  carry(ann);
  EXPECT_THAT(ann.take(), HasSubstr(says(bob.wire, "I am new here"))) << "who was there stays";
}

TEST_F(ServerTlsTest, AFileThatIsBrokenLeavesTheOldCertificate) {
  start(config);
  for (const std::string& broken : {std::string("no PEM"), authority.issue().key}) {
    parley::RecordingLog told;
    write("key", broken);
    server->reload_certificates(told);
    ASSERT_EQ(told.lines.size(), 1U);
    EXPECT_EQ(told.levels[0], parley::Level::error);
    EXPECT_THAT(told.lines[0],
                AllOf(HasSubstr("SIGHUP: the certificate stays as it was: "), HasSubstr(file("key"))));
    EXPECT_EQ(join_tls().take(), greeting);
  }
}

TEST_F(ServerTlsTest, ListenersOfTheSameFilesHaveThemOnce) {
  config.listeners.push_back(config.listeners[1]);
  config.listeners[2].endpoint = {parley::ServerEndpoint::Tcp{.address = {"127.0.0.1", 2628}}};
  start(config);
  parley::RecordingLog told;
  server->reload_certificates(told);
  EXPECT_EQ(told.lines.size(), 1U);
}

TEST_F(ServerTlsTest, FilesThatCannotBeUsedAreNamedAtTheStart) {
  config.listeners[1].tls = TlsConfig{file("missing"), {}, {}};
  EXPECT_THAT(complaint(),
              AllOf(testing::StartsWith("TLS: "), HasSubstr(file("missing")), HasSubstr("No such file")));
  config.listeners[1].tls = TlsConfig{file("cert"), {}, {}};
  EXPECT_THAT(complaint(), AllOf(HasSubstr(file("cert")), HasSubstr("no key in PEM")));
  config.listeners[1].tls = TlsConfig{file("cert"), file("key"), file("missing")};
  EXPECT_THAT(complaint(), HasSubstr(file("missing")));
  write("key", authority.issue().key);
  config.listeners[1].tls = TlsConfig{file("cert"), file("key"), {}};
  EXPECT_THAT(complaint(), AllOf(HasSubstr(file("key")), HasSubstr("is not that of the first certificate")));
}

}  // namespace
}  // namespace chat
