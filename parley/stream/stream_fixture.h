#pragma once

// For the tests of parley/stream: a reactor on a network in memory, whose clock goes on by itself when
// nothing happens.

#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "parley/base/recording_log_fixture.h"
#include "parley/reactor/backends/memory.h"
#include "parley/reactor/reactor.h"
#include "parley/stream/as_result.h"
#include "parley/stream/connect.h"
#include "parley/stream/datagram.h"
#include "parley/stream/deadline.h"
#include "parley/stream/listener.h"
#include "parley/stream/queue.h"
#include "parley/stream/run.h"
#include "parley/stream/server.h"
#include "parley/stream/sleep.h"
#include "parley/stream/spawn.h"
#include "parley/stream/stream.h"
#include "parley/stream/task_group.h"
#include "parley/stream/when.h"

namespace parley::testing_stream {

// Counts those that are alive: one in each coroutine of a test counts its frames.
class Alive {
 public:
  Alive() { ++count; }
  Alive(const Alive&) { ++count; }
  ~Alive() { --count; }

  inline static int count = 0;
};

class StreamFixture : public testing::Test {
 protected:
  explicit StreamFixture(const MemoryFaults& faults = {}) : network(clock, 1, faults) {}
  ~StreamFixture() override { EXPECT_EQ(Alive::count, 0); }

  void turns(int count) {
    for (int i = 0; i < count; ++i) reactor.turn(Duration::zero());
  }

  ManualClock clock;
  MemoryNetwork network;
  RecordingLog log;
  Reactor reactor{network.backend(), {.clock = &clock, .log = &log}};
};

}  // namespace parley::testing_stream
