#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <string>
#include <thread>
#include <unistd.h>

#include "parley/socket/blocking.h"
#include "parley/socket/create.h"
#include "parley/socket/file.h"

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

Descriptor file_of(std::string_view content) {
  std::string path = testing::TempDir() + "parley-XXXXXX";
  Descriptor file(mkstemp(path.data()));
  unlink(path.c_str());
  EXPECT_EQ(write(file.get(), content.data(), content.size()), static_cast<ssize_t>(content.size()));
  return file;
}

long position_of(const Descriptor& file) {
  return lseek(file.get(), 0, SEEK_CUR);
}

struct Pair {
  Pair() {
    auto [a, b] = socketpair();
    socket = std::move(a);
    peer = std::move(b);
  }
  Socket socket, peer;
};

TEST(Sendfile, SendsAFileOrAPartOfIt) {
  Pair p;
  const Descriptor file = file_of("0123456789");
  EXPECT_EQ(p.socket.sendfile(file.get()), 10U);
  EXPECT_EQ(p.peer.recv(100), "0123456789");
  EXPECT_EQ(p.socket.sendfile(file.get(), 7), 3U);
  EXPECT_EQ(p.peer.recv(100), "789");
  EXPECT_EQ(p.socket.sendfile(file.get(), 2, 3), 3U);
  EXPECT_EQ(p.peer.recv(100), "234");
  EXPECT_EQ(position_of(file), 5);  // Python's: after what was sent
  EXPECT_EQ(p.socket.sendfile(file.get(), 8, 100), 2U);
  EXPECT_EQ(p.peer.recv(100), "89");
  EXPECT_EQ(p.socket.sendfile(file.get(), 100), 0U);
  EXPECT_EQ(p.socket.sendfile(file.get(), 0, 0), 0U);
}

TEST(Sendfile, SendsWhatDoesNotFitAtOnce) {
  std::string data(5'000'000, '\0');
  for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<char>('a' + i % 23);
  const Descriptor file = file_of(data);
  for (const std::optional<Duration> timeout : {std::optional<Duration>(), std::optional<Duration>(20s)}) {
    Pair p;
    p.socket.settimeout(timeout);
    std::thread sender([&] {
      EXPECT_EQ(p.socket.sendfile(file.get()), data.size());
      p.socket.close();
    });
    EXPECT_TRUE(p.peer.makefile().read() == data);
    sender.join();
  }
}

TEST(Sendfile, SendsWhatTheKernelCannot) {
  Pair p;
  int both[2];
  ASSERT_EQ(pipe2(both, O_CLOEXEC), 0);
  const Descriptor out(both[0]);
  Descriptor in(both[1]);
  ASSERT_EQ(write(in.get(), "from a pipe", 11), 11);
  EXPECT_EQ(p.socket.sendfile(out.get(), 0, 4), 4U);
  in.reset();
  EXPECT_EQ(p.socket.sendfile(out.get()), 7U);
  EXPECT_EQ(p.peer.recv(100), "from a pipe");
  EXPECT_EQ(error_of([&] { p.socket.sendfile(out.get(), 3); }),
            concat("sendfile reading descriptor ", out.get(), ": Illegal seek"));

  const Descriptor zero(open("/dev/zero", O_RDONLY | O_CLOEXEC));
  EXPECT_EQ(p.socket.sendfile(zero.get(), 0, 3), 3U);
  EXPECT_EQ(p.peer.recv(100), std::string(3, '\0'));
  const Descriptor made(open("/proc/self/comm", O_RDONLY | O_CLOEXEC));  // regular, of no known size
  const std::uint64_t sent = p.socket.sendfile(made.get(), 1);
  EXPECT_EQ(p.peer.recv(100).size(), sent);
  EXPECT_GT(sent, 0U);
}

TEST(Sendfile, ATimeoutLeavesThePositionAfterWhatWasSent) {
  std::string data(5'000'000, 'x');
  const Descriptor file = file_of(data);
  Pair p;
  p.socket.settimeout(10ms);
  EXPECT_EQ(error_of([&] { p.socket.sendfile(file.get()); }), "sendfile: timed out after 0.01 s");
  const long sent = position_of(file);
  EXPECT_GT(sent, 0);
  p.socket.close();
  EXPECT_EQ(p.peer.makefile().read().size(), static_cast<std::size_t>(sent));
}

TEST(Sendfile, ToWhoIsGoneIsAnErrorAndNoSignal) {
  const Descriptor file = file_of("x");
  Pair p;
  p.peer.close();
  EXPECT_EQ(error_of([&] { p.socket.sendfile(file.get()); }), "sendfile: Broken pipe");
  sigset_t set;
  sigpending(&set);
  EXPECT_EQ(sigismember(&set, SIGPIPE), 0);
  pthread_sigmask(SIG_SETMASK, nullptr, &set);
  EXPECT_EQ(sigismember(&set, SIGPIPE), 0);
}

TEST(Sendfile, LeavesASignalOfSomebodyElsePending) {
  const Descriptor file = file_of("x");
  Pair p;
  p.peer.close();
  sigset_t pipe, before, pending;
  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &pipe, &before);
  raise(SIGPIPE);
  EXPECT_THROW(p.socket.sendfile(file.get()), SocketError);
  sigpending(&pending);
  EXPECT_EQ(sigismember(&pending, SIGPIPE), 1);
  int which = 0;
  if (sigismember(&pending, SIGPIPE) == 1) sigwait(&pipe, &which);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

TEST(Sendfile, RefusesWhatItCannotDo) {
  const Descriptor file = file_of("x");
  auto [datagram, other] = socketpair(Family::local, Type::datagram);
  EXPECT_THROW(datagram.sendfile(file.get()), std::invalid_argument);
  Pair p;
  EXPECT_EQ(error_of([&] { p.socket.sendfile(-1); }), "sendfile descriptor -1: Bad file descriptor");
  {
    const InsideReactor inside;
    EXPECT_THROW(p.socket.sendfile(file.get()), std::logic_error);
  }
  p.socket.setblocking(false);
  EXPECT_THROW(p.socket.sendfile(file.get()), std::invalid_argument);
}

}  // namespace
}  // namespace parley
