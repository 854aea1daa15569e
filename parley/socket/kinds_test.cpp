// Sockets of other kinds than streams, and what every kind has: the default timeout and inheritance.

#include <array>
#include <cstdint>
#include <cstdlib>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <string>
#include <sys/socket.h>
#include <unistd.h>

#include "parley/socket/create.h"

namespace parley {
namespace {

using namespace std::chrono_literals;

std::string error_of(auto&& call) {
  try {
    call();
  } catch (const std::exception& error) {
    return error.what();
  }
  return "no error";
}

bool has_nonblocking_flag(const Socket& socket) {
  return (fcntl(socket.fileno(), F_GETFL) & O_NONBLOCK) != 0;
}

// The internet's checksum (RFC 1071).
std::uint16_t checksum(std::string_view packet) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < packet.size(); ++i) {
    const auto byte = static_cast<unsigned char>(packet[i]);
    sum += i % 2 == 0 ? std::uint32_t{byte} << 8U : byte;
  }
  while (sum >> 16U != 0) sum = (sum & 0xffffU) + (sum >> 16U);
  return static_cast<std::uint16_t>(~sum);
}

TEST(RawSocket, AnswersAnIcmpEchoOnLoopback) {
  std::optional<Socket> socket;
  try {
    socket.emplace(Family::inet, Type::raw, IPPROTO_ICMP);
  } catch (const SocketError& error) {
    ASSERT_EQ(error.code(), std::errc::operation_not_permitted);
    EXPECT_EQ(std::string(error.what()),
              "socket inet raw: Operation not permitted (raw sockets need a privilege: CAP_NET_RAW)");
    GTEST_SKIP() << "no privilege for raw sockets";
  }
  EXPECT_EQ(socket->type(), Type::raw);
  EXPECT_EQ(socket->proto(), IPPROTO_ICMP);
  const auto id = static_cast<std::uint16_t>(getpid());
  std::string echo{8, 0, 0, 0, static_cast<char>(id >> 8U), static_cast<char>(id), 0, 1, 'p', 'a', 'r', 'l'};
  const std::uint16_t sum = checksum(echo);
  echo[2] = static_cast<char>(sum >> 8U);
  echo[3] = static_cast<char>(sum);
  socket->settimeout(10s);
  socket->sendto(echo, {"127.0.0.1", 0});
  for (;;) {  // others may be pinging too, and our own request passes by
    const auto [packet, sender] = socket->recvfrom(1500);
    ASSERT_GE(packet.size(), 28U);
    const std::string icmp = packet.substr(static_cast<std::size_t>(packet[0] & 15) * 4);
    if (icmp[0] != 0 || icmp.substr(4) != echo.substr(4)) continue;
    EXPECT_EQ(sender, Address("127.0.0.1", 0));
    EXPECT_EQ(checksum(icmp), 0);
    break;
  }
}

TEST(DatagramSocket, IsConnectedAnewAndDisconnected) {
  Socket client(Family::inet, Type::datagram), a(Family::inet, Type::datagram),
      b(Family::inet, Type::datagram);
  client.bind({"127.0.0.1", 0});
  a.bind({"127.0.0.1", 0});
  b.bind({"127.0.0.1", 0});
  const Address own = client.getsockname();
  client.connect(a.getsockname());
  client.send("to a");
  EXPECT_EQ(a.recv(10), "to a");
  b.sendto("from a stranger", own);  // is not for a connected one
  a.sendto("from a", own);
  EXPECT_EQ(client.recv(100), "from a");
  client.connect(b.getsockname());
  EXPECT_EQ(client.getpeername(), b.getsockname());
  client.send("to b");
  EXPECT_EQ(b.recv(10), "to b");
  a.sendto("from a stranger", own);
  b.sendto("from b", own);
  EXPECT_EQ(client.recv(100), "from b");
  client.disconnect();
  EXPECT_THROW(client.getpeername(), SocketError);
  const std::string error = error_of([&] { client.send("x"); });
  EXPECT_EQ(error, concat("send at ", client.getsockname(), ": Destination address required"));
  client.sendto("to a again", a.getsockname());
  EXPECT_EQ(a.recv(100), "to a again");
}

TEST(DatagramSocket, HasNobodyToAccept) {
  Socket socket(Family::inet, Type::datagram);
  socket.bind({"127.0.0.1", 0});
  EXPECT_EQ(error_of([&] { socket.accept(); }),
            concat("accept at ", socket.getsockname(), ": Operation not supported"));
}

TEST(DatagramSocket, TellsAConnectedOneThatNobodyIsThere) {
  Socket gone(Family::inet, Type::datagram), client(Family::inet, Type::datagram);
  gone.bind({"127.0.0.1", 0});
  const Address address = gone.getsockname();
  client.connect(address);
  client.settimeout(10s);
  gone.close();
  client.send("x");
  EXPECT_EQ(error_of([&] { client.recv(10); }), concat("recv ", address, ": Connection refused"));
}

TEST(SeqpacketSocket, KeepsMessagesApartOnAConnection) {
  Socket server(Family::local, Type::seqpacket);
  server.bind(Address::abstract(concat("parley-test-seqpacket-", getpid())));
  server.listen();
  Socket client(Family::local, Type::seqpacket);
  client.connect(server.getsockname());
  Socket peer = server.accept().first;
  EXPECT_EQ(peer.type(), Type::seqpacket);
  client.send("one");
  client.send("two", flags::end_of_record);
  EXPECT_EQ(peer.recv(100), "one");
  EXPECT_EQ(peer.recv(2), "tw");
  client.close();
  EXPECT_EQ(peer.recv(100), "");
}

TEST(LocalDatagramSocket, TalksBothWays) {
  Socket a(Family::local, Type::datagram), b(Family::local, Type::datagram);
  a.bind(Address::abstract(concat("parley-test-datagram-", getpid())));
  b.bind(Address::local(testing::TempDir() + concat("parley-", getpid(), "-datagram.sock")));
  EXPECT_EQ(b.sendto("hello", a.getsockname()), 5U);
  const auto [data, sender] = a.recvfrom(100);
  EXPECT_EQ(data, "hello");
  EXPECT_EQ(sender, b.getsockname());
  EXPECT_EQ(a.sendto("hello yourself", sender), 14U);
  EXPECT_EQ(b.recv(100), "hello yourself");
  unlink(sender.path().c_str());
}

// Stands for a default timeout, and takes it back.
struct DefaultTimeout {
  explicit DefaultTimeout(Duration timeout) { setdefaulttimeout(timeout); }
  ~DefaultTimeout() { setdefaulttimeout(std::nullopt); }
};

TEST(DefaultTimeout, IsNoneAtFirst) {
  EXPECT_EQ(getdefaulttimeout(), std::nullopt);
  EXPECT_EQ(Socket().gettimeout(), std::nullopt);
  EXPECT_THROW(setdefaulttimeout(-1ns), std::invalid_argument);
  EXPECT_EQ(getdefaulttimeout(), std::nullopt);
}

TEST(DefaultTimeout, IsWhatNewSocketsStartWith) {
  const Socket before;
  auto [raw, other] = socketpair();
  const DefaultTimeout timeout(10ms);
  EXPECT_EQ(getdefaulttimeout(), 10ms);
  Socket one;
  EXPECT_EQ(one.gettimeout(), 10ms);
  EXPECT_TRUE(has_nonblocking_flag(one));
  EXPECT_EQ(before.gettimeout(), std::nullopt);
  auto [a, b] = socketpair();
  EXPECT_THROW(a.recv(1), Timeout);
  EXPECT_TRUE(has_nonblocking_flag(b));
  Socket adopted = fromfd(raw.fileno());
  EXPECT_THROW(adopted.recv(1), Timeout);
  EXPECT_EQ(one.dup().gettimeout(), 10ms);
}

TEST(DefaultTimeout, IsWhatAnAcceptedSocketStartsWithWhateverItsListenerHas) {
  Socket server = create_server({"127.0.0.1", 0});
  server.settimeout(20s);
  {
    const DefaultTimeout timeout(10ms);
    const Socket client = create_connection(server.getsockname());
    EXPECT_EQ(client.gettimeout(), 10ms);
    EXPECT_EQ(create_connection(server.getsockname(), std::nullopt).gettimeout(), std::nullopt);
    Socket peer = server.accept().first;
    EXPECT_TRUE(has_nonblocking_flag(peer));
    EXPECT_THROW(peer.recv(1), Timeout);
  }
  setdefaulttimeout(0s);
  const Socket client = create_connection(server.getsockname(), 10s);
  server.accept();
  Socket peer = server.accept().first;
  setdefaulttimeout(std::nullopt);
  EXPECT_THROW(peer.recv(1), WouldBlock);
}

TEST(Inheritance, IsThereWhenAskedFor) {
  Socket socket;
  const std::string look = concat("test -e /proc/self/fd/", socket.fileno());
  EXPECT_FALSE(socket.get_inheritable());
  EXPECT_NE(std::system(look.c_str()), 0);
  socket.set_inheritable(true);
  EXPECT_TRUE(socket.get_inheritable());
  EXPECT_EQ(std::system(look.c_str()), 0);
  socket.set_inheritable(false);
  EXPECT_FALSE(socket.get_inheritable());
  socket.close();
  EXPECT_EQ(error_of([&] { socket.set_inheritable(true); }),
            "set_inheritable: Bad file descriptor (the socket is closed)");
  EXPECT_THROW((void)socket.get_inheritable(), SocketError);
}

}  // namespace
}  // namespace parley
