// Datagrams in the hands of a task.

#include "parley/stream/datagram.h"

#include <chrono>
#include <gtest/gtest.h>
#include <memory>
#include <utility>

#include "parley/stream/run.h"
#include "parley/stream/sleep.h"

namespace parley {
namespace {

using namespace std::chrono_literals;

// The sockets outlive the task: that they close would end a wait as well.
class DatagramSocketTest : public testing::Test {
 protected:
  // How long a task takes, with all that its run waits for. A loop that waits although the task is done
  // would wait for the timer: the test fails, and does not hang.
  Duration time_of(Task<> task) {
    const auto begin = std::chrono::steady_clock::now();
    reactor.call_later(10s, [] {});
    run(reactor, std::move(task));
    return std::chrono::steady_clock::now() - begin;
  }

  Task<> ask_nobody() {
    Address nobody;
    {
      const DatagramSocket gone(Address("127.0.0.1", 0));
      nobody = gone.host();
    }
    client = DatagramSocket::connected(nobody);
    client->send("x");
    try {
      co_await client->recvfrom();
      ADD_FAILURE() << "somebody was there";
    } catch (const SocketError& error) {
      EXPECT_EQ(error.code(), std::errc::connection_refused);
    }
  }

  Task<> take_what_was_held_back() {
    server = std::make_unique<DatagramSocket>(Address("127.0.0.1", 0));
    client = DatagramSocket::connected(server->host());
    for (int i = 0; i < 10; ++i) client->send("x");
    co_await sleep(5ms);
    for (std::size_t i = 0; i < DatagramSocket::most_pending; ++i) client->send("y");
    co_await sleep(5ms);
    for (std::size_t i = 0; i < DatagramSocket::most_pending + 10; ++i) co_await server->recvfrom();
  }

  Reactor reactor;
  std::unique_ptr<DatagramSocket> server;
  std::unique_ptr<DatagramSocket> client;
};

TEST_F(DatagramSocketTest, ATaskThatIsRefusedEndsItsRun) {
  EXPECT_LT(time_of(ask_nobody()), 5s);
}

TEST_F(DatagramSocketTest, ATaskThatTakesWhatWasHeldBackEndsItsRun) {
  EXPECT_LT(time_of(take_what_was_held_back()), 5s);
}

}  // namespace
}  // namespace parley
