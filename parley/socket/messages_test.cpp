#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <string>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include "parley/socket/blocking.h"
#include "parley/socket/create.h"
#include "parley/socket/message.h"

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

std::size_t open_descriptors() {
  std::size_t count = 0;
  DIR* all = opendir("/proc/self/fd");
  while (readdir(all) != nullptr) ++count;
  closedir(all);
  return count;
}

// A pipe whose ends are there to be sent.
struct Pipe {
  Pipe() {
    int both[2];
    EXPECT_EQ(pipe2(both, O_CLOEXEC), 0);
    out = Descriptor(both[0]);
    in = Descriptor(both[1]);
  }
  Descriptor out, in;
};

TEST(Messages, SeveralPiecesAreSentAsOne) {
  auto [a, b] = socketpair(Family::local, Type::datagram);
  EXPECT_EQ(a.sendmsg({"one ", "", "message"}), 11U);
  EXPECT_EQ(b.recv(100), "one message");
  const std::vector<std::string> words{"from ", "a vector"};
  const std::vector<std::string_view> pieces(words.begin(), words.end());
  EXPECT_EQ(a.sendmsg(pieces), 13U);
  const Message message = b.recvmsg(100);
  EXPECT_EQ(message.data, "from a vector");
  EXPECT_EQ(message.size, 13U);
  EXPECT_EQ(message.flags, Flags());
  EXPECT_TRUE(message.ancillary.empty());
}

TEST(Messages, OneIsReceivedIntoSeveralPieces) {
  auto [a, b] = socketpair();
  a.sendall("0123456789");
  char first[3], second[5];
  const std::span<char> memory[] = {first, second};
  EXPECT_EQ(b.recvmsg_into(memory).size, 8U);
  EXPECT_EQ(std::string_view(first, 3), "012");
  EXPECT_EQ(std::string_view(second, 5), "34567");
  EXPECT_EQ(b.recv(100), "89");
  a.close();
  EXPECT_EQ(b.recvmsg(100).data, "");
}

TEST(Messages, GoToAnAddressAndTellTheirSenders) {
  Socket a(Family::inet, Type::datagram), b(Family::inet, Type::datagram);
  a.bind({"127.0.0.1", 0});
  b.bind({"127.0.0.1", 0});
  EXPECT_EQ(a.sendmsg({"hello"}, {}, {}, b.getsockname()), 5U);
  const Message message = b.recvmsg(100);
  EXPECT_EQ(message.data, "hello");
  EXPECT_EQ(message.address, a.getsockname());
  EXPECT_THROW(a.sendmsg({"x"}, {}, {}, Address("::1", 80)), AddressError);
  EXPECT_EQ(error_of([&] { a.sendmsg({std::string(70'000, 'x')}, {}, {}, b.getsockname()); }),
            concat("sendmsg ", b.getsockname(), ": Message too long"));
}

TEST(Messages, SayThatTheyWereTruncated) {
  auto [a, b] = socketpair(Family::local, Type::datagram);
  a.send("0123456789");
  const Message message = b.recvmsg(4);
  EXPECT_EQ(message.data, "0123");
  EXPECT_TRUE(message.flags.has(flags::truncated));
  a.send("0123456789");
  const Message told = b.recvmsg(4, 0, flags::truncated);
  EXPECT_EQ(told.data, "0123");
  EXPECT_EQ(told.size, 10U);
  a.send("0123456789");
  EXPECT_EQ(b.recv(4, flags::truncated), "0123");
}

TEST(Messages, CarryAncillaryData) {
  Socket a(Family::inet, Type::datagram), b(Family::inet, Type::datagram);
  b.bind({"127.0.0.1", 0});
  b.setsockopt(options::packet_info, true);
  a.setsockopt(options::ttl, 17);
  b.setsockopt(Option<bool>{IPPROTO_IP, IP_RECVTTL}, true);
  a.sendto("x", b.getsockname());
  const Message message = b.recvmsg(10, cmsg_space(sizeof(in_pktinfo)) + cmsg_space(sizeof(int)));
  ASSERT_EQ(message.ancillary.size(), 2U);
  EXPECT_FALSE(message.flags.has(flags::control_truncated));
  for (const Ancillary& each : message.ancillary) {
    EXPECT_EQ(each.level, IPPROTO_IP);
    if (each.type == IP_TTL) {
      int ttl = 0;
      ASSERT_EQ(each.data.size(), sizeof ttl);
      std::memcpy(&ttl, each.data.data(), sizeof ttl);
      EXPECT_EQ(ttl, 17);
    } else {
      in_pktinfo info{};
      ASSERT_EQ(each.data.size(), sizeof info);
      std::memcpy(&info, each.data.data(), sizeof info);
      EXPECT_EQ(info.ipi_addr.s_addr, htonl(INADDR_LOOPBACK));
    }
  }
}

TEST(Messages, AncillaryDataIsSentAsItWasReceived) {
  Socket a(Family::inet, Type::datagram), b(Family::inet, Type::datagram);
  b.bind({"127.0.0.1", 0});
  b.setsockopt(Option<bool>{IPPROTO_IP, IP_RECVTTL}, true);
  b.setsockopt(Option<bool>{IPPROTO_IP, IP_RECVTOS}, true);
  const int ttl = 9, tos = 0x10;
  const Ancillary both[] = {
      {IPPROTO_IP, IP_TTL, std::string(reinterpret_cast<const char*>(&ttl), sizeof ttl)},
      {IPPROTO_IP, IP_TOS, std::string(reinterpret_cast<const char*>(&tos), sizeof tos)}};
  a.sendmsg({"x"}, both, {}, b.getsockname());
  const Message message = b.recvmsg(10, 200);
  ASSERT_EQ(message.ancillary.size(), 2U);
  EXPECT_EQ(message.ancillary[0], both[0]);
  EXPECT_EQ(message.ancillary[1].data, std::string(1, '\x10'));
}

TEST(Messages, CarryOpenDescriptors) {
  auto [a, b] = socketpair();
  Pipe pipe;
  EXPECT_EQ(send_fds(a, "take it", {pipe.in.get()}), 7U);
  pipe.in.reset();
  Message message = recv_fds(b, 100, 1);
  EXPECT_EQ(message.data, "take it");
  EXPECT_FALSE(message.flags.has(flags::control_truncated));
  ASSERT_EQ(message.descriptors.size(), 1U);
  EXPECT_NE(fcntl(message.descriptors[0].get(), F_GETFD) & FD_CLOEXEC, 0);
  EXPECT_TRUE(message.ancillary.empty());
  EXPECT_EQ(write(message.descriptors[0].get(), "x", 1), 1);
  char memory[2];
  EXPECT_EQ(read(pipe.out.get(), memory, 2), 1);
  message.descriptors.clear();
  EXPECT_EQ(read(pipe.out.get(), memory, 2), 0);  // it was the last one
  EXPECT_EQ(send_fds(a, "none", {}), 4U);
  EXPECT_TRUE(recv_fds(b, 100, 1).descriptors.empty());
  EXPECT_EQ(error_of([&, &s = a] { send_fds(s, "", {pipe.out.get()}); }),
            "send_fds: descriptors travel with at least one byte");
}

TEST(Messages, DescriptorsComeBesideOtherAncillaryData) {
  auto [a, b] = socketpair(Family::local, Type::datagram);
  b.setsockopt(options::pass_credentials, true);
  Pipe pipe;
  send_fds(a, "x", {pipe.in.get(), pipe.out.get()});
  const Message message = b.recvmsg(10, 200);
  EXPECT_EQ(message.descriptors.size(), 2U);
  ASSERT_EQ(message.ancillary.size(), 1U);
  EXPECT_EQ(message.ancillary[0].type, SCM_CREDENTIALS);
  ASSERT_EQ(message.ancillary[0].data.size(), 3 * sizeof(int));
  int process = 0;
  std::memcpy(&process, message.ancillary[0].data.data(), sizeof process);
  EXPECT_EQ(process, getpid());
}

TEST(Messages, NoDescriptorLeaksWhateverRoomThereIsForThem) {
  auto [a, b] = socketpair(Family::local, Type::datagram);
  Pipe pipe;
  const std::vector<int> five(5, pipe.in.get());
  const std::size_t before = open_descriptors();
  for (std::size_t room = 0; room <= cmsg_space(five.size() * sizeof(int)); ++room) {
    send_fds(a, "x", five);
    const Message message = b.recvmsg(10, room);
    EXPECT_EQ(message.descriptors.size(),
              room < cmsg_len(4) ? 0 : std::min((room - cmsg_len(0)) / 4, five.size()));
    EXPECT_EQ(message.flags.has(flags::control_truncated), message.descriptors.size() < five.size()) << room;
    EXPECT_EQ(open_descriptors(), before + message.descriptors.size());
  }
  EXPECT_EQ(open_descriptors(), before);
  send_fds(a, "x", five);
  EXPECT_EQ(recv_fds(b, 10, 3).descriptors.size(), 3U);
  send_fds(a, "x", five);
  EXPECT_EQ(b.recv(10), "x");
  EXPECT_EQ(open_descriptors(), before);
}

TEST(Messages, WaitAsEverythingDoes) {
  auto [a, b] = socketpair();
  b.settimeout(10ms);
  EXPECT_THROW(b.recvmsg(1), Timeout);
  b.setblocking(false);
  EXPECT_THROW(b.recvmsg(1), WouldBlock);
  EXPECT_THROW(for (int i = 0; i < 100; ++i) b.sendmsg({std::string(1'000'000, 'x')}), WouldBlock);
  const InsideReactor inside;
  EXPECT_THROW(a.recvmsg(1), std::logic_error);
  EXPECT_THROW(a.sendmsg({"x"}), std::logic_error);
}

TEST(Messages, ToWhoIsGoneAreAnErrorAndNoSignal) {
  auto [a, b] = socketpair();
  b.close();
  EXPECT_EQ(error_of([&s = a] { s.sendmsg({"x"}); }), "sendmsg: Broken pipe");
  EXPECT_EQ(error_of([&s = a] { s.write("x"); }).substr(0, 20), "sendall: Broken pipe");
}

TEST(Flags, PeekLeavesWhatItShows) {
  auto [a, b] = socketpair();
  a.sendall("abc");
  EXPECT_EQ(b.recv(2, flags::peek), "ab");
  EXPECT_EQ(b.read(10), "abc");
}

TEST(Flags, OneCallCanBeToldNotToWait) {
  auto [a, b] = socketpair();
  EXPECT_THROW(b.recv(1, flags::dont_wait), WouldBlock);
  EXPECT_THROW(b.recv(1, flags::peek | flags::dont_wait), WouldBlock);
  b.settimeout(20s);
  EXPECT_THROW(b.recv(1, flags::dont_wait), WouldBlock);
  EXPECT_THROW(for (int i = 0; i < 100; ++i) a.send(std::string(1'000'000, 'x'), flags::dont_wait),
               WouldBlock);
  const InsideReactor inside;
  EXPECT_EQ(b.recv(1, flags::dont_wait), "x");  // and so it may be made there
}

TEST(Flags, WaitAllWaitsForAll) {
  auto [a, b] = socketpair();
  a.sendall("ab");
  const Flags both = flags::wait_all | flags::dont_wait;
  EXPECT_TRUE(both.has(flags::dont_wait));
  EXPECT_FALSE(flags::dont_wait.has(both));
  EXPECT_EQ(b.recv(3, both | flags::peek), "ab");
  const Socket copy = a.dup();
  std::string got;
  const int child = fork();
  if (child == 0) {
    send(copy.fileno(), "c", 1, MSG_NOSIGNAL);
    _exit(0);
  }
  EXPECT_EQ(b.recv(3, flags::wait_all), "abc");
  EXPECT_EQ(waitpid(child, nullptr, 0), child);
}

TEST(Flags, MoreJoinsDatagrams) {
  Socket a(Family::inet, Type::datagram), b(Family::inet, Type::datagram);
  b.bind({"127.0.0.1", 0});
  a.connect(b.getsockname());
  a.send("one ", flags::more);
  a.send("datagram");
  EXPECT_EQ(b.recv(100), "one datagram");
}

TEST(Flags, AnUrgentByteGoesItsOwnWay) {
  const Socket server = create_server({"127.0.0.1", 0});
  Socket client = create_connection(server.getsockname());
  Socket peer = const_cast<Socket&>(server).accept().first;
  client.sendall("ab", flags::out_of_band);
  EXPECT_EQ(peer.recv(10), "a");
  EXPECT_EQ(peer.recv(1, flags::out_of_band), "b");
}

}  // namespace
}  // namespace parley
