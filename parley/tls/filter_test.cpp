// TLS under protocols: what is said, how it ends, and limits.

#include "parley/tls/filter.h"

#include <stdexcept>
#include <vector>

#include "parley/tls/filter_fixture.h"

namespace parley::tls {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class TlsFilter : public FilterFixture {};

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
