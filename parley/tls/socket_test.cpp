// Sockets over TLS: two ends, by turns on one thread.

#include "parley/tls/socket.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

#include "parley/socket/file.h"
#include "parley/tls/sockets_fixture.h"

namespace parley::tls {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class TlsSocketTest : public testing::Test {
 protected:
  Contexts contexts;
};

// What an Error of `call` says.
template <class Call>
std::error_code code_of(Call call) {
  try {
    call();
  } catch (const SocketError& error) {
    return error.code();
  }
  return {};
}

TEST_F(TlsSocketTest, ASocketIsEncryptedAndStaysASocket) {
  Ends ends(contexts);
  Socket& client = ends.client;
  client.sendall("hello");
  EXPECT_EQ(ends.server.recv(100), "hello");
  EXPECT_EQ(ends.server.send("good bye"), 8U);
  std::string memory(4, '\0');
  EXPECT_EQ(client.recv_into(memory), 4U);
  EXPECT_EQ(memory + client.read(100), "good bye");
  EXPECT_EQ(ends.client.details().version, Version::tls1_3);
  EXPECT_EQ(ends.client.details().peer_certificate->host_names, std::vector<std::string>{"localhost"});
  EXPECT_EQ(details(client)->server_name, "localhost");
  const auto [plain, other] = plain_pair();
  EXPECT_FALSE(details(plain).has_value());
}

TEST_F(TlsSocketTest, WhatIsOnTheWireIsNotInClear) {
  auto [one, other] = plain_pair();
  TlsSocket client =
      contexts.client.wrap_socket(std::move(one), "localhost", {.do_handshake_on_connect = false});
  client.setblocking(false);
  EXPECT_THROW(client.do_handshake(), WouldBlock);
  EXPECT_FALSE(client.wants_write());
  EXPECT_EQ(other.recv(1), "\x16");
}

TEST_F(TlsSocketTest, MovedIntoASocketItStaysEncrypted) {
  Ends ends(contexts);
  Socket moved = std::move(ends.client);
  moved.sendall("still");
  EXPECT_EQ(ends.server.recv(100), "still");
  EXPECT_TRUE(details(moved).has_value());
}

TEST_F(TlsSocketTest, AFileReadsLinesAndWrites) {
  Ends ends(contexts);
  SocketFile in = ends.server.makefile();
  {
    SocketFile out = ends.client.makefile();
    out.write("one\ntwo\nthr");
    out.write("ee\nrest");
  }
  ends.client.shutdown(Shutdown::write);
  std::vector<std::string> lines;
  for (const std::string& line : in.lines()) lines.push_back(line);
  EXPECT_THAT(lines, ElementsAre("one\n", "two\n", "three\n", "rest"));
}

TEST_F(TlsSocketTest, AFileIsSentByReadingIt) {
  Ends ends(contexts);
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::tmpfile(), std::fclose);
  const std::string text = some_text(50'000);
  ASSERT_EQ(::pwrite(fileno(file.get()), text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
  EXPECT_EQ(ends.client.sendfile(fileno(file.get()), 10), text.size() - 10);
  ends.client.shutdown(Shutdown::write);
  EXPECT_EQ(receive_all(ends.server), text.substr(10));
}

TEST_F(TlsSocketTest, CloseNotifyIsAnEndAndWithoutItSomethingMayBeCutOff) {
  for (const bool in_order : {true, false}) {
    Ends ends(contexts);
    ends.client.setblocking(false);
    EXPECT_THROW(ends.client.recv(1), WouldBlock);  // tickets: unread, they would reset the connection
    ends.client.sendall("part");
    if (in_order) {
      ends.client.close();
    } else {
      ::close(ends.client.detach());
    }
    EXPECT_EQ(ends.server.recv(100), "part");
    if (in_order) {
      EXPECT_EQ(ends.server.recv(100), "");
      EXPECT_EQ(ends.server.recv(100), "");
    } else {
      EXPECT_EQ(code_of([&] { ends.server.recv(100); }), Failure::truncated);
      EXPECT_EQ(code_of([&] { ends.server.recv(100); }), Failure::truncated);
    }
  }
}

TEST_F(TlsSocketTest, ClosingResetsNothingAlthoughTicketsAreUnread) {
  Ends ends(contexts);
  ends.client.sendall("all of it");
  ends.client.close();
  EXPECT_EQ(receive_all(ends.server), "all of it");
}

TEST_F(TlsSocketTest, OneDirectionEndsAndTheOtherGoesOn) {
  Ends ends(contexts);
  ends.client.sendall("question");
  ends.client.shutdown(Shutdown::write);
  EXPECT_EQ(receive_all(ends.server), "question");
  ends.server.sendall("answer");
  EXPECT_EQ(code_of([&] { ends.client.sendall("more"); }), std::errc::broken_pipe);
  ends.server.close();
  EXPECT_EQ(receive_all(ends.client), "answer");
}

TEST_F(TlsSocketTest, AWrongNameIsRefusedByTheClientAndToldToTheServer) {
  auto [one, other] = plain_pair();
  TlsSocket client =
      contexts.client.wrap_socket(std::move(one), "example.org", {.do_handshake_on_connect = false});
  TlsSocket server = contexts.server.wrap_socket(std::move(other), {.do_handshake_on_connect = false});
  std::string told;
  contexts.server.set_handshake_failed([&](const Error& error) { told = error.what(); });
  try {
    shake_hands(client, server);
    FAIL() << "the name is wrong";
  } catch (const CertificateError& error) {
    EXPECT_THAT(error.what(), HasSubstr("it is for localhost, 127.0.0.1, not for example.org"));
  }
  EXPECT_TRUE(is_alert(code_of([&] { server.do_handshake(); })));
  EXPECT_THAT(told, HasSubstr("refused by the peer"));
  EXPECT_EQ(contexts.server.statistics().failed, 1U);
}

TEST_F(TlsSocketTest, WhoSpeaksInClearIsNoPeer) {
  auto [one, other] = plain_pair();
  one.sendall("GET / HTTP/1.0\r\n\r\n");
  EXPECT_EQ(code_of([&] { contexts.server.wrap_socket(std::move(other)); }), Failure::not_tls);
  EXPECT_THAT(receive_all(one), testing::StartsWith("HTTP/1.1 400 "));  // in its own words
}

TEST_F(TlsSocketTest, APeerThatLeavesInTheHandshake) {
  auto [one, other] = plain_pair();
  one.close();
  EXPECT_EQ(code_of([&] { contexts.server.wrap_socket(std::move(other)); }), Failure::closed_in_handshake);
}

TEST_F(TlsSocketTest, ARecordMayComeInPiecesOfOneByte) {
  auto [client_end, wire_in] = plain_pair();
  auto [wire_out, server_end] = plain_pair();
  TlsSocket client =
      contexts.client.wrap_socket(std::move(client_end), "localhost", {.do_handshake_on_connect = false});
  TlsSocket server = contexts.server.wrap_socket(std::move(server_end), {.do_handshake_on_connect = false});
  for (Socket* each : {static_cast<Socket*>(&client), &wire_in, &wire_out, static_cast<Socket*>(&server)}) {
    each->setblocking(false);
  }
  std::string received;
  const auto read_server = [&] {
    try {
      received += server.recv(100);
    } catch (const WouldBlock&) {
    }
  };
  // Byte by byte from the client to the server; whole from there.
  const auto carry = [&] {
    bool moved = false;
    try {
      for (const char byte : wire_in.recv(64 * 1024)) {
        moved = true;
        wire_out.sendall({&byte, 1});
        read_server();
      }
    } catch (const WouldBlock&) {
    }
    try {
      wire_in.sendall(wire_out.recv(64 * 1024));
      moved = true;
    } catch (const WouldBlock&) {
    }
    return moved;
  };
  bool done = false;
  while (!done) {
    try {
      client.do_handshake();
      done = true;
    } catch (const WouldBlock&) {
    }
    carry();
  }
  client.sendall("in pieces, ");
  client.sendall("one after another");
  while (carry()) {
  }
  EXPECT_EQ(received, "in pieces, one after another");
}

TEST_F(TlsSocketTest, ManySmallRecordsComeTogetherAndOneLargeInParts) {
  Ends ends(contexts);
  for (int i = 0; i < 10; ++i) ends.client.sendall("ab");
  EXPECT_EQ(ends.server.pending(), 0U);
  EXPECT_EQ(ends.server.recv(5), "ababa");
  EXPECT_GT(ends.server.pending(), 0U);  // the kernel has none of it any more
  EXPECT_EQ(ends.server.recv(100), "bababababababab");
  EXPECT_EQ(ends.server.pending(), 0U);
}

TEST_F(TlsSocketTest, ASocketThatDoesNotBlockSaysSo) {
  Ends ends(contexts);
  ends.server.setblocking(false);
  EXPECT_THROW(ends.server.recv(100), WouldBlock);
  ends.client.setblocking(false);
  const std::string text = some_text(8 * 1024 * 1024);
  // What a send has left behind is not sent twice when its bytes come again.
  std::string_view rest = text;
  std::string received;
  int blocked = 0;
  while (!rest.empty()) {
    ASSERT_LE(received.size(), text.size());
    try {
      rest.remove_prefix(ends.client.send(rest));
    } catch (const WouldBlock&) {
      ++blocked;
      received += ends.server.recv(64 * 1024);
    }
  }
  ends.server.settimeout(patience);
  while (received.size() < text.size()) received += ends.server.recv(64 * 1024);
  ends.client.close();
  EXPECT_EQ(ends.server.recv(1), "");
  EXPECT_GT(blocked, 10);
  EXPECT_TRUE(received == text) << received.size();
}

TEST_F(TlsSocketTest, WhatASendallHasLeftIsWholeBeforeOtherBytes) {
  Ends ends(contexts);
  ends.client.setblocking(false);
  const std::string text = some_text(8 * 1024 * 1024);
  EXPECT_THROW(ends.client.sendall(text), WouldBlock);
  EXPECT_THROW(ends.client.sendall("more"), WouldBlock);
  ends.server.setblocking(false);
  std::string received;
  for (bool sent = false; !sent;) {
    try {
      for (;;) received += ends.server.recv(64 * 1024);
    } catch (const WouldBlock&) {
    }
    try {
      ends.client.sendall("END");
      sent = true;
    } catch (const WouldBlock&) {
    }
  }
  ends.server.settimeout(patience);
  while (!received.ends_with("END")) received += ends.server.recv(64 * 1024);
  ASSERT_THAT(received, testing::EndsWith("END"));
  received.resize(received.size() - 3);
  EXPECT_TRUE(text.starts_with(received)) << received.size();
}

TEST_F(TlsSocketTest, TheSameWordsByAnotherSendallAreOtherWords) {
  Ends ends(contexts);
  ends.client.setblocking(false);
  std::size_t said = 0;
  try {
    for (;; ++said) ends.client.sendall("ping\n");
  } catch (const WouldBlock&) {
    ++said;  // it is on its way
  }
  std::string received;
  while (received.size() < (said - 1) * 5) received += ends.server.recv(64 * 1024);
  ends.client.sendall("ping\n");
  ++said;
  ends.client.close();
  EXPECT_EQ((received + receive_all(ends.server)).size(), said * 5);
}

TEST_F(TlsSocketTest, WhatOnlyTheKernelCanDoIsRefused) {
  Ends ends(contexts);
  Socket& socket = ends.client;
  EXPECT_THROW(socket.recv(10, flags::peek), std::invalid_argument);
  EXPECT_THROW(socket.send("a", flags::more), std::invalid_argument);
  EXPECT_THROW(socket.sendall("a", flags::more), std::invalid_argument);
  EXPECT_THROW(socket.recvfrom(10), std::logic_error);
  EXPECT_THROW(socket.recvmsg(10), std::logic_error);
  EXPECT_THROW(socket.sendto("a", Address("127.0.0.1", 1)), std::logic_error);
  EXPECT_THROW(socket.sendmsg({"a"}), std::logic_error);
  EXPECT_THROW(socket.dup(), std::logic_error);
  socket.sendall("fine");
  EXPECT_EQ(ends.server.recv(10), "fine");
}

TEST_F(TlsSocketTest, WhatCannotBeWrappedIsRefused) {
  const auto plain = [] { return plain_pair().first; };
  EXPECT_THROW(contexts.client.wrap_socket(plain()), std::logic_error);
  EXPECT_THROW(contexts.server.wrap_socket(plain(), "localhost"), std::logic_error);
  EXPECT_THROW(contexts.client.wrap_socket(plain(), "not a name"), std::invalid_argument);
  EXPECT_THROW(contexts.client.wrap_socket(Socket(Family::inet, Type::datagram), "localhost"),
               std::invalid_argument);
  Socket busy = plain();
  busy.setblocking(false);
  EXPECT_THROW(contexts.server.wrap_socket(std::move(busy)), std::invalid_argument);
  Ends ends(contexts);
  EXPECT_THROW(contexts.client.wrap_socket(std::move(ends.client), "localhost"), std::invalid_argument);
}

TEST_F(TlsSocketTest, BytesThatWaitInTheKernelAreTls) {
  auto [one, other] = plain_pair();
  one.sendall("STARTTLS\n");
  TlsSocket client =
      contexts.client.wrap_socket(std::move(one), "localhost", {.do_handshake_on_connect = false});
  client.setblocking(false);
  EXPECT_THROW(client.do_handshake(), WouldBlock);  // its hello is behind the line
  EXPECT_EQ(other.makefile({.read_buffer = 0}).readline(), "STARTTLS\n");
  TlsSocket server = contexts.server.wrap_socket(std::move(other), {.do_handshake_on_connect = false});
  shake_hands(client, server);
  client.sendall("hello");
  EXPECT_EQ(server.recv(10), "hello");
}

TEST_F(TlsSocketTest, NothingIsDoneWithAClosedOne) {
  Ends ends(contexts);
  ends.client.close();
  EXPECT_EQ(code_of([&] { ends.client.do_handshake(); }), std::errc::bad_file_descriptor);
  EXPECT_EQ(code_of([&] { ends.client.recv(1); }), std::errc::bad_file_descriptor);
  EXPECT_FALSE(details(ends.client).has_value());
}

// One end says that it wants to go on in clear, the other answers and goes on in clear at once.
TEST_F(TlsSocketTest, AfterUnwrapTheSocketIsInClear) {
  Ends ends(contexts);
  ends.server.setblocking(false);
  EXPECT_THROW(ends.server.unwrap(), WouldBlock);  // close_notify is on its way
  EXPECT_FALSE(ends.server.wants_write());
  EXPECT_EQ(ends.client.recv(10), "");
  Socket client = ends.client.unwrap();
  client.sendall("in clear");
  Socket server = ends.server.unwrap();
  EXPECT_EQ(server.recv(100), "in clear");
  server.sendall("too");
  EXPECT_EQ(client.recv(100), "too");
  EXPECT_EQ(ends.server.fileno(), -1);
  EXPECT_FALSE(details(server).has_value());
}

TEST_F(TlsSocketTest, UnwrapLosesNothingThatNobodyHasReceived) {
  Ends ends(contexts);
  ends.client.sendall("unread");
  try {
    ends.server.unwrap();
    FAIL() << "something is unread";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("application data after close notify"));
  }
}

}  // namespace
}  // namespace parley::tls
