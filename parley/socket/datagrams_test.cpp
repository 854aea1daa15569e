#include "parley/socket/datagrams.h"

#include <array>
#include <chrono>
#include <gtest/gtest.h>
#include <string>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>
#include <utility>

#include "parley/base/print.h"
#include "parley/socket/opening.h"
#include "parley/socket/packet_info.h"
#include "parley/socket/sockaddr.h"
#include "parley/socket/socket.h"

namespace parley {
namespace {

class DatagramBatches : public testing::Test {
 protected:
  // A Unix socket with an abstract name of its own.
  static Socket named() {
    Socket socket(Family::local, Type::datagram);
    socket.setblocking(false);
    socket.bind(Address::abstract(concat("parley datagrams ", ++last_, " of ", getpid())));
    return socket;
  }

  static inline int last_ = 0;
  Socket from_ = named(), to_ = named();
};

TEST_F(DatagramBatches, OneCallTakesSixtyFourAtMost) {
  Socket receiver(Family::inet, Type::datagram);  // which holds more than a Unix socket does
  receiver.bind({"127.0.0.1", 0});
  Socket sender(Family::inet, Type::datagram);
  for (int i = 0; i < 70; ++i) sender.sendto("", receiver.getsockname());
  DatagramInbox inbox(1000, 10);
  EXPECT_EQ(*inbox.receive(receiver.fileno(), Family::inet, 1000), most_datagrams_at_once);
  EXPECT_EQ(*inbox.receive(receiver.fileno(), Family::inet, 1000), 6U);
  EXPECT_EQ(*inbox.receive(receiver.fileno(), Family::inet, 1000), 0U) << "nothing more";
}

TEST_F(DatagramBatches, TooLongIsToldByTheFlag) {
  DatagramInbox inbox(4, 5);
  from_.sendto("12345", to_.getsockname());
  from_.sendto("123456", to_.getsockname());
  ASSERT_EQ(*inbox.receive(to_.fileno(), Family::local, 4), 2U);
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
    EXPECT_EQ(send(descriptor, "answer", inbox_.peer(0), family, inbox_.asked(0)), 6);
  }
  // From that address of ours.
  static ssize_t send(int descriptor, std::string bytes, const Address& to, Family family,
                      const Address& from) {
    RawAddress raw = to_raw(to, family);
    PacketControl control{};
    iovec piece{.iov_base = bytes.data(), .iov_len = bytes.size()};
    msghdr header{};
    header.msg_name = raw.data();
    header.msg_namelen = raw.size;
    header.msg_iov = &piece;
    header.msg_iovlen = 1;
    attach(leaving_from(from.compact(), family), header, control);
    return ::sendmsg(descriptor, &header, 0);
  }

  DatagramInbox inbox_{4, 1000};
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

TEST_F(AskedAddress, IsOfTheFamilyOfTheSocket) {
  EXPECT_THROW(leaving_from(Address("::1", 0).compact(), Family::inet), AddressError);
}

}  // namespace
}  // namespace parley
