// Numbers that cannot be, and that the kernel would take for others.

#include <algorithm>
#include <cstring>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <limits>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdexcept>
#include <string>
#include <sys/socket.h>
#include <unistd.h>

#include "parley/base/limits.h"
#include "parley/socket/create.h"
#include "parley/socket/file.h"
#include "parley/socket/open_file.h"
#include "parley/socket/opening.h"
#include "parley/socket/selectors.h"

namespace parley {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t huge = std::numeric_limits<std::size_t>::max();

std::string refusal_of(auto&& call) {
  try {
    call();
  } catch (const std::invalid_argument& error) {
    return error.what();
  } catch (const std::exception& error) {
    return concat("not std::invalid_argument, but: ", error.what());
  }
  return "it was taken";
}

TEST(Numbers, ATimeOfAnOptionIsNotNegative) {
  Socket socket;
  EXPECT_EQ(refusal_of([&] { socket.setsockopt(options::linger, -1s); }),
            "setsockopt linger: -1 s is out of range (0 to 2147483647 s)");
  EXPECT_EQ(socket.getsockopt(options::linger), std::nullopt);
  EXPECT_EQ(refusal_of([&] { socket.setsockopt(options::defer_accept, -1s); }),
            "setsockopt defer_accept: -1 s is out of range (0 to 2147483647 s)");
  EXPECT_EQ(refusal_of([&] { socket.setsockopt(options::user_timeout, -1ms); }),
            "setsockopt user_timeout: -1 ms is out of range (0 to 2147483647 ms)");
}

TEST(Numbers, ASizeOfAnOptionIsNotNegative) {
  Socket socket;
  for (const auto* option : {&options::send_buffer, &options::receive_buffer, &options::receive_low_water}) {
    const int before = socket.getsockopt(*option);
    EXPECT_TRUE(refusal_of([&] {
                  socket.setsockopt(*option, -1);
                }).ends_with("-1 is out of range (0 to 2147483647)"));
    EXPECT_EQ(socket.getsockopt(*option), before);
  }
  EXPECT_EQ(refusal_of([&] { socket.setsockopt(options::tos, 256); }),
            "setsockopt tos: 256 is out of range (0 to 255)");
}

TEST(Numbers, AnOptionsBytesAreFew) {
  Socket socket;
  EXPECT_EQ(refusal_of([&] { (void)socket.getsockopt(SOL_SOCKET, SO_LINGER, huge); }),
            concat("getsockopt linger: ", huge, " bytes are too many (at most 1048576)"));
  const std::string much(1024 * 1024 + 1, 'x');
  EXPECT_EQ(refusal_of([&] { socket.setsockopt(SOL_SOCKET, SO_LINGER, much); }),
            "setsockopt linger: 1048577 bytes are too many (at most 1048576)");
}

TEST(Numbers, BuffersOfWhatIsOpenedAreNotNegative) {
  const Address any("127.0.0.1", 0);
  EXPECT_EQ(open_listening(any, {.send_buffer = -1}).error(), std::errc::invalid_argument);
  EXPECT_EQ(open_datagram(any, {.receive_buffer = -1}).error(), std::errc::invalid_argument);
  const Socket server = create_server(any);
  EXPECT_EQ(start_connecting(server.getsockname(), {.send_buffer = -1}).error(), std::errc::invalid_argument);
}

// How many connections may wait to be accepted.
unsigned longest_queue(const Socket& listening) {
  const std::string bytes = listening.getsockopt(IPPROTO_TCP, TCP_INFO, sizeof(tcp_info));
  tcp_info info{};
  std::memcpy(&info, bytes.data(), std::min(bytes.size(), sizeof info));
  return info.tcpi_sacked;  // which means that, of a listener
}

TEST(Numbers, ANegativeBacklogIsNone) {
  const Address any("127.0.0.1", 0);
  Socket socket;
  socket.bind(any);
  socket.listen(-1);
  EXPECT_EQ(longest_queue(socket), 0U);
  EXPECT_EQ(longest_queue(create_server(any, {.backlog = -5})), 0U);
  Result<Opened> opened = open_listening(any, {.backlog = -1});
  ASSERT_TRUE(opened);
  EXPECT_EQ(longest_queue(Socket::adopt(opened->descriptor.release())), 0U);
  EXPECT_EQ(longest_queue(create_server(any, {.backlog = 7})), 7U);
}

TEST(Numbers, AKindThatDoesNotExistIsNoOther) {
  const auto type = static_cast<Type>(99);
  EXPECT_EQ(refusal_of([&] { Socket(Family::inet, type); }), "there is no type of socket 99");
  EXPECT_EQ(refusal_of([&] { socketpair(Family::local, type); }), "there is no type of socket 99");
  EXPECT_EQ(refusal_of([&] { Selector<> selector(static_cast<PollerKind>(99)); }),
            "there is no kind of poller 99");
  auto [a, b] = socketpair();
  EXPECT_EQ(refusal_of([&, &socket = a] { socket.shutdown(static_cast<Shutdown>(99)); }),
            "shutdown: there is no direction 99");
  b.sendall("x");
  EXPECT_EQ(a.recv(1), "x");
  EXPECT_THROW(Socket(static_cast<Family>(99)), SocketError);
}

TEST(Numbers, AncillaryDataIsCountedWithoutWrapping) {
  for (const std::size_t size : {huge, huge - 8, std::size_t{1} << 40U, std::size_t{0x7fffffff}}) {
    EXPECT_EQ(refusal_of([&] { cmsg_len(size); }),
              concat("cmsg_len: ", size, " bytes are more than ancillary data may have"));
    EXPECT_EQ(refusal_of([&] { cmsg_space(size); }),
              concat("cmsg_space: ", size, " bytes are more than ancillary data may have"));
  }
  auto [a, b] = socketpair();
  EXPECT_EQ(refusal_of([&, &socket = a] { socket.recvmsg(1, huge); }),
            concat("recvmsg: ", huge, " bytes are more than ancillary data may have"));
  // More than come at once are as good as no limit; the product with their size would be 0.
  send_fds(b, "x", {STDIN_FILENO});
  EXPECT_EQ(recv_fds(a, 1, std::size_t{1} << 62U).descriptors.size(), 1U);
}

TEST(Numbers, NothingOfAFileIsSentOnAClosedSocketAlso) {
  const Descriptor file(open("/dev/zero", O_RDONLY | O_CLOEXEC));
  auto [a, b] = socketpair();
  EXPECT_EQ(a.sendfile(file.get(), 0, 0), 0U);
  EXPECT_EQ(refusal_of([&, &socket = a] { socket.sendfile(file.get(), huge); }),
            concat("sendfile: no file has an offset of ", huge));
  a.close();
  try {
    a.sendfile(file.get(), 0, 0);
    FAIL() << "it was sent";
  } catch (const SocketError& error) {
    EXPECT_STREQ(error.what(), "sendfile: Bad file descriptor (the socket is closed)");
  }
}

TEST(Numbers, ALineHasALimit) {
  auto [a, b] = socketpair();
  EXPECT_EQ(refusal_of([&, &socket = a] { socket.makefile({.line_limit = 0}); }),
            "makefile: a line limit of 0 would look like the end of the input");
  SocketFile file = a.makefile();
  EXPECT_EQ(refusal_of([&] { file.readline(0); }),
            "readline: a line limit of 0 would look like the end of the input");
  b.sendall("some");
  EXPECT_EQ(file.read1(huge), "some");
  SocketFile unbuffered = a.makefile({.read_buffer = 0});
  b.sendall("more");
  EXPECT_EQ(unbuffered.read1(huge), "more");
}

TEST(Numbers, AnOpenFileIsOpen) {
  EXPECT_THROW(OpenFile::adopt(-1), SocketError);
  EXPECT_THROW(OpenFile::borrow(-1), SocketError);
  EXPECT_THROW(OpenFile(std::string("/dev/null\0x", 11)), SocketError);
}

TEST(Numbers, AReactorsLimitsLetSomethingPass) {
  const auto refused = [](auto change) {
    Limits limits;
    change(limits);
    return refusal_of([&] { detail::possible(limits); });
  };
  EXPECT_EQ(refused([](Limits&) {}), "it was taken");
  EXPECT_EQ(refused([](Limits& limits) { limits.read_bytes = 0; }),
            "Limits::read_bytes: it must be at least 1");
  EXPECT_EQ(refused([](Limits& limits) { limits.accept_batch = 0; }),
            "Limits::accept_batch: it must be at least 1");
  EXPECT_EQ(refused([](Limits& limits) { limits.datagram_bytes = 0; }),
            "Limits::datagram_bytes: it must be at least 1");
  EXPECT_EQ(refused([](Limits& limits) { limits.linger = -1s; }), "Limits::linger: it must be at least 0 s");
}

}  // namespace
}  // namespace parley
