#include "parley/socket/datagrams.h"

#include <chrono>
#include <gtest/gtest.h>
#include <string>
#include <unistd.h>
#include <utility>
#include <vector>

#include "parley/base/print.h"
#include "parley/socket/opening.h"
#include "parley/socket/socket.h"

namespace parley {
namespace {

class DatagramBatches : public testing::Test {
 protected:
  // A Unix socket with an abstract name of its own.
  static Socket named() {
    Socket socket(Family::local, Type::datagram);
    socket.setblocking(false);
    socket.bind(Address::abstract(format("parley datagrams ", ++last_, " of ", getpid())));
    return socket;
  }
  static std::string all_of(Socket& socket) {
    std::string all;
    try {
      for (;;) all += socket.recv(100000) + ";";
    } catch (const WouldBlock&) {
    }
    return all;
  }
  void queue(std::string_view bytes, const Socket& to) {
    outbox_.append(bytes, to.getsockname(), Family::local);
  }

  static inline int last_ = 0;
  Socket from_ = named(), one_ = named(), two_ = named();
  DatagramOutbox outbox_;
};

TEST_F(DatagramBatches, WhatIsHeldIsPassedByAndKeepsItsOrder) {
  queue("1a", one_);
  queue("2a", two_);
  queue("1b", one_);
  outbox_.hold_next();
  EXPECT_EQ(outbox_.held(), 2U);
  EXPECT_EQ(outbox_.next_peer(), two_.getsockname());
  queue("1c", one_);  // may not overtake
  queue("2b", two_);
  EXPECT_EQ(outbox_.held(), 3U);
  EXPECT_EQ(outbox_.send(from_.fileno()).count, 2U);
  EXPECT_EQ(all_of(two_), "2a;2b;");
  EXPECT_EQ(all_of(one_), "");
  EXPECT_EQ(outbox_.send(from_.fileno()).count, 0U);
  outbox_.release();
  EXPECT_EQ(outbox_.send(from_.fileno()).count, 3U);
  EXPECT_EQ(all_of(one_), "1a;1b;1c;");
  EXPECT_TRUE(outbox_.empty());
  EXPECT_EQ(outbox_.bytes(), 0U);
}

TEST_F(DatagramBatches, TheOldestIsDroppedHeldOrNot) {
  queue("1a", one_);
  outbox_.hold_next();
  queue("2a", two_);
  outbox_.drop_oldest();
  ASSERT_EQ(outbox_.held(), 0U);
  queue("1b", one_);
  outbox_.drop_next();
  EXPECT_EQ(outbox_.send(from_.fileno()).count, 1U);
  EXPECT_EQ(all_of(one_) + all_of(two_), "1b;");
}

TEST_F(DatagramBatches, WhatIsGoneLeavesNoTraceInWhatStays) {
  // One that stays at the head, and a hundred times as much that passes it by.
  queue("the first", one_);
  outbox_.hold_next();
  const std::string large(10000, 'x');
  for (int i = 0; i < 100; ++i) {
    queue(large, two_);
    ASSERT_EQ(outbox_.send(from_.fileno()).count, 1U);
    ASSERT_EQ(two_.recv(20000), large);
  }
  EXPECT_LT(outbox_.memory(), 200'000U);
  outbox_.release();
  EXPECT_EQ(outbox_.send(from_.fileno()).count, 1U);
  EXPECT_EQ(all_of(one_), "the first;");
}

TEST_F(DatagramBatches, OneCallTakesSixtyFourAndTellsWhatStoppedIt) {
  two_.setsockopt(options::receive_buffer, 1 << 20);
  from_.connect(two_.getsockname());
  for (int i = 0; i < 70; ++i) outbox_.append("");
  std::size_t sent = 0;
  std::size_t got = 0;
  DatagramInbox inbox(1000, 10);
  for (int i = 0; i < 1000 && !outbox_.empty(); ++i) {
    const DatagramOutbox::Sent once = outbox_.send(from_.fileno());
    EXPECT_LE(once.count, most_datagrams_at_once);
    EXPECT_TRUE(!once.error || once.error == std::errc::resource_unavailable_try_again);
    sent += once.count;
    const Result<std::size_t> count = inbox.receive(two_.fileno(), Family::local, 1000);
    ASSERT_TRUE(count);
    EXPECT_LE(*count, most_datagrams_at_once);
    got += *count;
  }
  EXPECT_EQ(sent, 70U);
  while (got < 70) got += *inbox.receive(two_.fileno(), Family::local, 1000);
  EXPECT_EQ(*inbox.receive(two_.fileno(), Family::local, 1000), 0U) << "nothing more";
}

TEST_F(DatagramBatches, TooLongIsToldByTheFlag) {
  DatagramInbox inbox(4, 5);
  from_.sendto("12345", one_.getsockname());
  from_.sendto("123456", one_.getsockname());
  ASSERT_EQ(*inbox.receive(one_.fileno(), Family::local, 4), 2U);
  EXPECT_TRUE(inbox.whole(0));
  EXPECT_FALSE(inbox.whole(1));
  EXPECT_EQ(std::string(inbox.bytes(0).data(), inbox.bytes(0).size()), "12345");
  EXPECT_EQ(inbox.peer(0), from_.getsockname());
}

// Which of our addresses.

class AskedAddress : public testing::Test {
 protected:
  static Opened at_any(const Address& at, const DatagramOptions& options = {}) {
    Result<Opened> opened = open_datagram(at, options);
    EXPECT_TRUE(opened.ok());
    return *std::move(opened);
  }
  static Socket client_of(const Opened& server, std::string_view host) {
    const Address at(host, server.host.port());
    Socket client(at.family(), Type::datagram);
    client.settimeout(std::chrono::seconds(10));
    client.connect(at);  // and hears nobody else
    return client;
  }
  // Receives one, which there is, and answers it from where it was sent to.
  void answer(const Opened& server, std::string_view asked) {
    const int descriptor = server.descriptor.get();
    const Family family = server.host.family();
    ASSERT_EQ(*inbox_.receive(descriptor, family, 1, true), 1U);
    EXPECT_EQ(inbox_.asked(0).host(), asked);
    EXPECT_EQ(inbox_.asked(0).port(), 0);
    outbox_.append("answer", inbox_.peer(0), family, inbox_.asked(0));
    const DatagramOutbox::Sent sent = outbox_.send(descriptor);
    EXPECT_EQ(sent.count, 1U) << sent.error.message();
    EXPECT_EQ(outbox_.bytes(), 0U);
  }

  DatagramInbox inbox_{4, 1000};
  DatagramOutbox outbox_;
};

TEST_F(AskedAddress, AnswersLeaveFromWhereTheQuestionWentTo) {
  for (const char* any : {"0.0.0.0", ""}) {
    const Opened server = at_any({any, 0});
    for (const char* host : {"127.0.0.1", "127.0.0.2", "127.3.2.1"}) {
      Socket client = client_of(server, host);
      client.sendall("question");
      answer(server, host);
      EXPECT_EQ(client.recv(100), "answer") << any << " asked at " << host;
    }
  }
}

TEST_F(AskedAddress, OfIPv6Too) {
  for (const bool v6_only : {false, true}) {
    const Opened server = at_any({"", 0}, {.v6_only = v6_only});
    Socket client = client_of(server, "::1");
    client.sendall("question");
    answer(server, "::1");
    EXPECT_EQ(client.recv(100), "answer");
  }
}

// What is sent to all is answered from an address that one can have.
TEST_F(AskedAddress, OfABroadcastItIsOurOwn) {
  for (const char* any : {"0.0.0.0", ""}) {
    const Opened server = at_any({any, 0});
    Socket client(Family::inet, Type::datagram);
    client.settimeout(std::chrono::seconds(10));
    client.setsockopt(options::broadcast, true);
    client.bind({"127.0.0.1", 0});
    client.sendto("question", {"127.255.255.255", server.host.port()});
    answer(server, "127.0.0.1");
    EXPECT_EQ(client.recvfrom(100),
              std::pair(std::string("answer"), Address("127.0.0.1", server.host.port())));
  }
}

TEST_F(AskedAddress, IsNotToldWhereThereIsOneOrNobodyAsks) {
  const Opened server = at_any({"127.0.0.1", 0});
  EXPECT_FALSE(*tell_asked(server.descriptor.get(), server.host, Family::inet));
  Socket client = client_of(server, "127.0.0.1");
  client.sendall("question");
  ASSERT_EQ(*inbox_.receive(server.descriptor.get(), Family::inet, 4, true), 1U);
  EXPECT_EQ(inbox_.asked(0), Address());
  const Opened any = at_any({"0.0.0.0", 0});
  Socket other = client_of(any, "127.0.0.2");
  other.sendall("question");
  ASSERT_EQ(*inbox_.receive(any.descriptor.get(), Family::inet, 4), 1U);
  EXPECT_EQ(inbox_.asked(0), Address());
}

// In one batch, each from its own, and some from where the kernel chooses.
TEST_F(AskedAddress, EachOfABatchHasItsOwn) {
  const Opened server = at_any({"0.0.0.0", 0});
  std::vector<Socket> clients;
  for (int i = 0; i < 8; ++i) {
    const std::string host = format("127.0.0.", i + 1);
    clients.push_back(client_of(server, host));
    const Address from = i == 0 ? Address() : Address(host, 0);
    outbox_.append(format("for ", i), clients.back().getsockname(), Family::inet, from);
  }
  EXPECT_EQ(outbox_.send(server.descriptor.get()).count, 8U);
  for (int i = 0; i < 8; ++i) EXPECT_EQ(clients[static_cast<std::size_t>(i)].recv(100), format("for ", i));
  EXPECT_THROW(outbox_.append("x", {"127.0.0.1", 9}, Family::inet, {"::1", 0}), AddressError);
  EXPECT_TRUE(outbox_.empty());
}

}  // namespace
}  // namespace parley
