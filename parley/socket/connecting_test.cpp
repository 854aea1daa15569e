// What connecting has to look after besides connecting.

#include <gtest/gtest.h>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <unistd.h>

#include "parley/socket/create.h"
#include "parley/socket/many_signals_fixture.h"
#include "parley/socket/select.h"

namespace parley {
namespace {

using namespace std::chrono_literals;

// A port of this machine that nobody has.
Address nobodys_port() {
  Socket probe;
  probe.bind({"127.0.0.1", 0});
  return probe.getsockname();
}

Address nobodys_name() {
  return Address::abstract(concat("parley-connecting-test-", ::getpid()));
}

// Whoever connects from the port that he connects to is connected to himself; among some thousand attempts
// the kernel chooses that port by itself.
TEST(Connecting, NobodyIsConnectedToHimself) {
  for (const std::optional<Duration> timeout : {std::optional<Duration>(), std::optional<Duration>(5s)}) {
    const Address here = nobodys_port();
    try {
      create_connection(here, timeout, here);
      ADD_FAILURE() << "it is connected to itself";
    } catch (const SocketError& error) {
      EXPECT_EQ(error.code(), std::errc::connection_refused) << error.what();
    }
    const Address there = nobodys_port();
    Socket socket;
    socket.bind(there);
    socket.settimeout(timeout);
    EXPECT_EQ(socket.connect_ex(there), std::errc::connection_refused);
    EXPECT_THROW(socket.getpeername(), SocketError);
  }
}

TEST(Connecting, NobodyIsConnectedToHimselfWithoutWaiting) {
  const Address here = nobodys_port();
  Socket socket;
  socket.bind(here);
  socket.setblocking(false);
  const std::error_code begun = socket.connect_ex(here);
  if (begun == std::errc::connection_refused) return;  // it took no time
  ASSERT_EQ(begun, std::errc::operation_in_progress);
  ASSERT_EQ(select({}, {socket}, {}, 5s).write.size(), 1U);
  EXPECT_EQ(socket.getsockopt(options::error), std::errc::connection_refused);
}

// The kernel goes on with a connection whose call was interrupted, and calling again would be told that it
// does.
TEST(Connecting, ASignalDoesNotEndABlockingConnect) {
  Socket server = create_server({"127.0.0.1", 0}, {.backlog = 0});
  const Socket first =
      create_connection(server.getsockname());  // the queue is full, so that the next one waits
  Socket second;
  const ManySignals signals;
  std::thread later([&] {
    while (ManySignals::count < 5) std::this_thread::yield();
    server.accept();
  });
  EXPECT_NO_THROW(second.connect(server.getsockname()));
  later.join();
  EXPECT_EQ(second.getpeername(), server.getsockname());
  EXPECT_EQ(server.accept().second, second.getsockname());
}

// A server whose queue is full, so that whoever connects waits.
struct FullServer {
  explicit FullServer(const Address& at)
      : server(create_server(at, {.backlog = 0})), first(create_connection(server.getsockname())) {}
  Socket server;
  Socket first;
};

TEST(Connecting, TheKernelsOwnTimeoutEndsABlockingConnect) {
  for (const Address& at : {Address("127.0.0.1", 0), nobodys_name()}) {
    const FullServer full(at);
    Socket second(at.family());
    second.setsockopt(options::send_timeout, 20ms);
    try {
      second.connect(full.server.getsockname());
      ADD_FAILURE() << "it is connected";
    } catch (const Timeout& timeout) {
      EXPECT_EQ(std::string(timeout.what()),
                concat("connect ", full.server.getsockname(), ": timed out after 0.02 s"));
    }
    Socket third(at.family());
    third.setsockopt(options::send_timeout, 20ms);
    EXPECT_EQ(third.connect_ex(full.server.getsockname()), std::errc::timed_out);
  }
}

TEST(Connecting, ALocalSocketsOwnTimeoutStays) {
  FullServer full(nobodys_name());
  Socket second(Family::local);
  second.setsockopt(options::send_timeout, 5s);
  second.settimeout(1ms);
  EXPECT_THROW(second.connect(full.server.getsockname()), Timeout);
  EXPECT_EQ(second.getsockopt(options::send_timeout), 5s);
  full.server.accept();
  second.settimeout(10s);
  second.connect(full.server.getsockname());
  EXPECT_EQ(second.getsockopt(options::send_timeout), 5s);
}

TEST(Connecting, ANegativeTimeoutIsRefusedBeforeAnybodyIsAsked) {
  try {
    create_connection({std::string(300, 'x'), 80}, -1s);
    FAIL() << "it was taken";
  } catch (const std::invalid_argument& error) {
    EXPECT_STREQ(error.what(), "create_connection: a negative timeout");
  }
}

}  // namespace
}  // namespace parley
