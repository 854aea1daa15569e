// What connecting has to look after besides connecting.

#include <gtest/gtest.h>
#include <stdexcept>
#include <string>
#include <thread>

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
