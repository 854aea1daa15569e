// Datagrams in the hands of a task.

#include "parley/stream/datagram.h"

#include <chrono>
#include <gtest/gtest.h>

#include "parley/stream/run.h"
#include "parley/stream/sleep.h"

namespace parley {
namespace {

using namespace std::chrono_literals;

// A loop that waits although its task is done would wait for this: the test fails, and does not hang.
void limit_waiting() {
  current_reactor().call_later(10s, [] {});
}

template <class T>
Duration time_of(Task<T> task) {
  const auto begin = std::chrono::steady_clock::now();
  run(std::move(task), {.signals = false});
  return std::chrono::steady_clock::now() - begin;
}

Task<> ask_nobody() {
  limit_waiting();
  Address nobody;
  {
    const DatagramSocket gone(Address("127.0.0.1", 0));
    nobody = gone.host();
  }
  const auto client = DatagramSocket::connected(nobody);
  client->send("x");
  try {
    co_await client->recvfrom();
    ADD_FAILURE() << "somebody was there";
  } catch (const SocketError& error) {
    EXPECT_EQ(error.code(), std::errc::connection_refused);
  }
}

TEST(DatagramSocketTest, ATaskThatIsRefusedEndsItsRun) {
  EXPECT_LT(time_of(ask_nobody()), 5s);
}

Task<> take_what_was_held_back() {
  limit_waiting();
  DatagramSocket server(Address("127.0.0.1", 0));
  const auto client = DatagramSocket::connected(server.host());
  for (int i = 0; i < 10; ++i) client->send("x");
  co_await sleep(5ms);
  for (int i = 0; i < 64; ++i) client->send("y");
  co_await sleep(5ms);
  for (int taken = 0; taken < 74; ++taken) co_await server.recvfrom();
}

TEST(DatagramSocketTest, ATaskThatTakesWhatWasHeldBackEndsItsRun) {
  EXPECT_LT(time_of(take_what_was_held_back()), 5s);
}

}  // namespace
}  // namespace parley
