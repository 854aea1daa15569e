// A task cancelled, or dropped, at each place where it waits leaves nothing behind: no frame, no connection,
// no descriptor, no timer that calls into what is gone.

#include <functional>
#include <gtest/gtest.h>
#include <string>

#include "parley/stream/event.h"
#include "parley/stream/future.h"
#include "parley/stream/lock.h"
#include "parley/stream/semaphore.h"
#include "parley/stream/shield.h"
#include "parley/stream/stream_fixture.h"

namespace parley {
namespace {

using namespace std::chrono_literals;
using testing_stream::Alive;

struct Ended {
  int times = 0;
};

Task<> upper(Stream peer, Queue<std::string>& lines) {
  const Alive alive;
  while (const auto line = co_await with_timeout(30s, peer.read_line())) {
    const Alive another;
    std::string text(*line);
    co_await lines.put(text);
    co_await peer.write(text);
    co_await peer.write("\n");
  }
}

Task<> collect(Queue<std::string>& lines, std::string& all) {
  const Alive alive;
  while (const auto line = co_await lines.get()) {
    co_await sleep(10ms);
    all += *line;
  }
}

Task<std::string> ask(Stream& server, std::string question) {
  const Alive alive;
  co_await server.write(question);
  const auto answer = co_await with_timeout(5s, server.read_line());
  co_return answer ? std::string(*answer) : "";
}

// Those who wait for each other, and for a callback.
Task<> wait_for_others() {
  const Alive alive;
  Lock lock;
  Condition changed(lock);
  Semaphore permits(1);
  Event event;
  bool ready = false;
  const auto waits = [&]() -> Task<> {
    const Alive another;
    Permit held = co_await lock.acquire();
    const auto met = [&ready] { return ready; };
    co_await changed.wait_for(held, met);
    co_await event.wait();
  };
  const auto wakes = [&]() -> Task<> {
    const Alive another;
    const Permit permit = co_await permits.acquire();
    co_await sleep(2ms);
    const Permit held = co_await lock.acquire();
    ready = true;
    changed.notify();
    co_await shield(sleep(2ms));
    event.set();
  };
  const auto outcomes = co_await gather(waits(), wakes(), wakes());
  EXPECT_TRUE(std::get<0>(outcomes));
  Promise<int> promise;
  Future<int> future = promise.get_future();
  current_reactor().call_later(2ms, [promise]() mutable { promise.set_value(1); });
  const int answer = co_await future.get();
  EXPECT_EQ(answer, 1);
}

// Everything there is: a server, a far peer, queues, groups, races, deadlines, all at once.
Task<> everything(MemoryNetwork& network, std::string& all, Ended& ended) {
  const Alive alive;
  Queue<std::string> lines(1);
  TaskGroup group;
  const auto handler = [&lines](Stream peer) -> Task<> { co_await upper(std::move(peer), lines); };
  group.spawn(serve_tcp({"127.0.0.1", 700}, handler));
  group.spawn(collect(lines, all));
  Listener listener({"127.0.0.1", 701});
  co_await sleep(1ms);
  MemoryPeer talks = network.connect(700);
  MemoryPeer quiet = network.connect(700);
  talks.send("one\ntwo\nthree\n");
  MemoryPeer asked = network.connect(701);
  asked.send("well\n");
  Stream near = co_await listener.accept();
  const auto [answer, nothing] = co_await when_all(ask(near, "well?\n"), sleep(50ms));
  EXPECT_EQ(answer, "well");
  const auto first = co_await when_any(near.read(), sleep(20ms), lines.put("four"));
  EXPECT_NE(first.index(), 0U);
  const auto in_time = co_await within(100ms, near.read_exactly(100));
  EXPECT_FALSE(in_time);
  Running<std::string> beside = spawn(ask(near, "again?\n"));
  asked.send("again\n");
  const std::string again = co_await beside.join();
  EXPECT_EQ(again, "again");
  co_await wait_for_others();
  asked.window(0);
  const auto slow = co_await as_result(with_timeout(50ms, near.write(std::string(600'000, 'x'))));
  EXPECT_FALSE(slow);
  near.abort();
  const auto cut_off = co_await as_result(near.closed());
  EXPECT_FALSE(cut_off);
  group.cancel();
  co_await group.join();
  ++ended.times;
}

enum class How { cancel, drop };

class CancelTest : public testing::TestWithParam<std::tuple<How, bool>> {
 protected:
  // Runs it for so many turns and then ends it. Answers whether there was anything left to end.
  bool end_after(int turns) {
    const auto [how, rough] = GetParam();
    ManualClock clock;
    MemoryNetwork network(clock, static_cast<std::uint64_t>(turns),
                          rough ? MemoryFaults::rough() : MemoryFaults::calm());
    bool left = false;
    {
      Reactor reactor(network.backend(), {.clock = &clock});
      std::string all;
      Ended ended;
      std::optional<Running<>> running = spawn(reactor, everything(network, all, ended));
      for (int i = 0; i < turns && !running->done(); ++i) reactor.turn(1ms);
      left = !running->done();
      if (how == How::drop) {
        running.reset();
        EXPECT_EQ(Alive::count, 0) << "dropped in turn " << turns;
      } else if (left) {
        running->cancel();
        for (int i = 0; i < 300 && !running->done(); ++i) reactor.turn(1ms);
        EXPECT_TRUE(running->done()) << "cancelled in turn " << turns;
        EXPECT_THROW(running->get(), Cancelled);
        EXPECT_EQ(Alive::count, 0) << "cancelled in turn " << turns;
      } else {
        running->get();
        EXPECT_EQ(ended.times, 1);
        EXPECT_NE(all.find("onetwothree"), std::string::npos);
      }
      reactor.stop(0s);
      for (int i = 0; i < 300 && reactor.turn(1s); ++i) {
      }
      EXPECT_EQ(reactor.connections(), 0U) << "ended in turn " << turns;
      EXPECT_EQ(network.open_descriptors(), 0U) << "ended in turn " << turns;
    }
    return left;
  }
};

TEST_P(CancelTest, LeavesNothingBehindWhereverItWaits) {
  int turns = 0;
  while (end_after(turns)) {
    ++turns;
    ASSERT_LT(turns, 5000) << "it does not end by itself";
    if (HasFailure()) return;
  }
  EXPECT_GT(turns, 30) << "there are more places than that";
}

INSTANTIATE_TEST_SUITE_P(Each, CancelTest,
                         testing::Combine(testing::Values(How::cancel, How::drop), testing::Bool()),
                         [](const auto& each) {
                           return std::string(std::get<0>(each.param) == How::cancel ? "cancelled"
                                                                                     : "dropped") +
                                  (std::get<1>(each.param) ? "_rough" : "_calm");
                         });

}  // namespace
}  // namespace parley
