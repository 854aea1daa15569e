// What a turn does, and what it leaves to the next one, which then does not wait.

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "tests/conformance/connecting.h"

namespace parley::conformance {
namespace {

class Asked final : public Producer {
 public:
  explicit Asked(std::function<void()> resumed, std::function<void()> stopped = {})
      : resumed_(std::move(resumed)), stopped_(std::move(stopped)) {}
  void resume_producing() override {
    if (resumed_) resumed_();
  }
  void stop_producing() override {
    if (stopped_) stopped_();
  }

 private:
  std::function<void()> resumed_;
  std::function<void()> stopped_;
};

class Turns : public Conformance {
 protected:
  // What a callback does that takes its time, in a turn whose time has been asked for.
  void work(Duration time) {
    static_cast<void>(reactor().now());
    outside().clock().advance(time);
  }
  // Turns as a loop of the program's own does, which would wait for as long as nothing happens. False when it
  // is not so at the end, or a turn has waited: time would have passed, in memory, or really.
  bool at_once(const std::function<bool()>& so) {
    const Time before = outside().clock().now();
    const auto really = std::chrono::steady_clock::now();
    const auto waited = [&] {
      return outside().clock().now() - before > 1s || std::chrono::steady_clock::now() - really > 5s;
    };
    while (!so()) {
      if (!reactor().turn(6s) || waited()) return false;
      outside().move();
    }
    return true;
  }
  void fill(const Client& client, std::size_t behind = 1) {
    client.peer->window(0);
    for (int i = 0; i < 4000 && client.wire().queued() < behind; ++i) {
      client.wire().write(text_of(16000));
      settle();
    }
  }
  static Script paused() {
    return {.made = [](Actor& actor) { actor.wire().pause_reading(); }};
  }

  // Has `call` called once, from a callback of each kind.
  std::map<std::string, std::function<void(std::function<void()>)>> callbacks() {
    return {
        {"timer", [this](auto call) { reactor().call_later(0s, call); }},
        {"post", [this](auto call) { reactor().post(call); }},
        {"made", [this](auto call) { clients_.push_back(come({.made = [call](Actor&) { call(); }})); }},
        {"received",
         [this](auto call) {
           clients_.push_back(join({.received = [call](Actor&, std::string_view) { call(); }}));
           clients_.back().peer->send("!");
         }},
        {"resumed",
         [this](auto call) {
           Script script = paused();
           script.resumed = [call](Actor&) { call(); };
           clients_.push_back(join(std::move(script)));
           clients_.back().wire().resume_reading();
         }},
        {"lost",
         [this](auto call) {
           clients_.push_back(join({.lost = [call](Actor&, const Reason&) { call(); }}));
           clients_.back().wire().abort_connection();
         }},
        {"producer",
         [this](auto call) {
           clients_.push_back(join());
           const std::size_t mine = clients_.size() - 1;
           producers_.push_back(std::make_unique<Asked>([this, call, mine] {
             clients_[mine].wire().unregister_producer();
             call();
           }));
           clients_.back().wire().register_producer(*producers_.back(), Production::pulled);
         }},
        {"ready",
         [this](auto call) {
           signals_.push_back(outside().signal());
           const auto watching = std::make_shared<Watching>();
           *watching = reactor().watch(signals_.back()->descriptor(), Interest::read, [=](Interest) mutable {
             watching->stop();
             call();
           });
           signals_.back()->raise();
         }},
        {"detached",
         [this](auto call) {
           if (filtered()) return reactor().post(call);  // it is refused
           clients_.push_back(join());
           reactor().detach(clients_.back().story->id, [this, call](Detached left) {
             (void)reactor().adopt(std::move(left), std::make_unique<Actor>(new_story(), Script{}));
             call();
           });
         }},
    };
  }

  std::vector<Client> clients_;
  std::vector<std::unique_ptr<Asked>> producers_;
  std::vector<std::unique_ptr<Signal>> signals_;
};
PARLEY_CONFORMANCE(Turns);
PARLEY_CONFORMANCE_UNDER_FILTERS(Turns);

TEST_P(Turns, WhatIsPutOffComesInTheNextTurnWhichDoesNotWait) {
  for (const auto& [from, arrange] : callbacks()) {
    SCOPED_TRACE(from);
    std::size_t number = 0;
    std::size_t asked = 0;
    std::map<std::string, std::size_t> came;
    Script script = paused();
    script.resumed = [&](Actor&) { came["resumed"] = number; };
    const Client reads = join(std::move(script));
    const Client fed = join();
    Asked producer([&] {
      came["producer"] = number;
      fed.wire().unregister_producer();
    });
    settle();
    arrange([&] {
      asked = number;
      reads.wire().resume_reading();
      fed.wire().register_producer(producer, Production::pulled);
      reactor().call_later(0s, [&] { came["timer"] = number; });
      reactor().post([&] { came["post"] = number; });
    });
    EXPECT_TRUE(at_once([&] {
      ++number;
      return came.size() == 4;
    }));
    ASSERT_NE(asked, 0U);
    for (const auto& [what, when] : came) EXPECT_EQ(when, asked + 1) << what;
  }
}

// Whoever turns the loop himself until something is so must not wait for it once it is.
TEST_P(Turns, ATurnThatHasCalledSomebodyDoesNotWait) {
  for (const auto& [from, arrange] : callbacks()) {
    SCOPED_TRACE(from);
    bool done = false;
    arrange([&] { done = true; });
    EXPECT_TRUE(at_once([&] { return done; }));
    settle();
  }
}

TEST_P(Turns, NorOneThatHasTold) {
  bool done = false;
  const auto is_done = [&] { return done; };
  const Client adopted = adopt({.made = [&](Actor&) { done = true; }});
  EXPECT_TRUE(at_once(is_done)) << "adopted";

  done = false;
  const Client slow = join({.pause_writing = [&](Actor&) { done = true; }}, true);
  slow.peer->window(0);
  slow.wire().write(text_of(700000));
  EXPECT_TRUE(at_once(is_done)) << "pause_writing";
  slow.wire().abort_connection();

  done = false;
  const Client shut = join();
  shut.wire().shutdown_write();
  Asked producer({}, [&] { done = true; });
  shut.wire().register_producer(producer, Production::pulled);
  EXPECT_TRUE(at_once(is_done)) << "stop_producing of one that came too late";
}

TEST_P(Turns, NorOneInWhichATimeIsOver) {
  bool done = false;
  const auto is_done = [&] { return done; };
  const Client slow = join({.lost = [&](Actor&, const Reason&) { done = true; }}, true);
  fill(slow);
  slow.wire().lose_connection();
  settle();
  outside().clock().advance(30s);
  EXPECT_TRUE(at_once(is_done)) << "close_timeout";

  done = false;
  const Client client = join();
  Asked producer({}, [&] { done = true; });
  client.wire().register_producer(producer, Production::streaming);
  client.wire().lose_connection();
  settle();
  EXPECT_FALSE(done);
  outside().clock().advance(30s);
  EXPECT_TRUE(at_once(is_done)) << "a producer that gives nothing";
}

TEST_P(Turns, NorOneInWhichTheBrakeIsLetGo) {
  Limits limits;
  limits.sendq_bytes = 400000;
  start(limits);
  const Client behind = join({}, true);
  fill(behind, 210000);
  bool done = false;
  const Client sender = join({.received = [&](Actor&, std::string_view) { behind.wire().write("x"); },
                              .resumed = [&](Actor&) { done = true; }});
  sender.peer->send("1");
  ASSERT_TRUE(until([&] { return !sender.wire().reading(); }));
  settle();
  outside().clock().advance(10ms);
  EXPECT_TRUE(at_once([&] { return done; }));
}

TEST_P(Turns, NorOneInWhichItStops) {
  const Client slow = join({}, true);
  fill(slow);
  std::optional<Hold> needs_time;
  bool done = false;
  reactor().on_stop(Stopping::before, [&](Hold hold) { needs_time = std::move(hold); });
  reactor().on_stop(Stopping::during, [&] { done = true; });
  reactor().stop(1h);
  EXPECT_TRUE(at_once([&] { return needs_time.has_value(); })) << "before";
  settle();
  EXPECT_FALSE(done);
  needs_time.reset();
  EXPECT_TRUE(at_once([&] { return done; })) << "during";
}

TEST_P(Turns, NorOneInWhichAConnectionIsGivenUp) {
  std::vector<ScriptedResolver::Asked> asked;
  reactor().install_resolver(std::make_unique<ScriptedResolver>(asked));
  bool done = false;
  Connector connector =
      reactor().connect_tcp({"host.example", 80}, [] { return std::unique_ptr<Protocol>(); },
                            {.failed = [&](const SocketError&) { done = true; }});
  settle();
  connector.stop_connecting();
  EXPECT_TRUE(at_once([&] { return done; }));
}

TEST_P(Turns, InsideACallbackThereIsNone) {
  Inspector::Counts counts;
  Reactor other(Inspector::around(outside(), counts), {.clock = &outside().clock(), .log = &log()});
  for (const auto& [from, arrange] : callbacks()) {
    SCOPED_TRACE(from);
    int thrown = 0;
    const auto refused = [&](const std::function<void()>& call) {
      try {
        call();
      } catch (const std::logic_error&) {
        ++thrown;
      }
    };
    arrange([&] {
      refused([&] { reactor().turn(0s); });
      refused([&] { reactor().run(); });
      refused([&] { other.turn(0s); });
      refused([&] { other.run(); });
    });
    EXPECT_TRUE(until([&] { return thrown == 4; })) << thrown;
  }
  int thrown = 0;
  const auto turns = [&] {
    try {
      reactor().turn(0s);
    } catch (const std::logic_error&) {
      ++thrown;
    }
  };
  for (const Stopping when : {Stopping::before, Stopping::during, Stopping::after}) {
    reactor().on_stop(when, turns);
  }
  reactor().stop(0s);
  while (reactor().turn(0s)) outside().move();
  EXPECT_EQ(thrown, 3);
  EXPECT_TRUE(other.turn(0s));
}

// What happens is ended in the callback, and the loop entered: a use after free once.
TEST_P(Turns, NorAfterItHasEndedItsOwnConnection) {
  bool thrown = false;
  const Client client = join({.received = [&](Actor& actor, std::string_view) {
    actor.wire().abort_connection();
    try {
      reactor().turn(0s);
    } catch (const std::logic_error&) {
      thrown = true;
    }
    EXPECT_FALSE(actor.story().lost() || actor.story().destroyed);
  }});
  client.peer->send("!");
  ASSERT_TRUE(until([&] { return client.story->lost(); }));
  EXPECT_TRUE(thrown);
}

// A callback that takes its time does so at nobody's expense.

TEST_P(Turns, DelaysCountFromTheCall) {
  int calls = 0;
  Timer moved = reactor().call_later(1h, [&] { ++calls; });
  Timer delayed = reactor().call_later(1h, [&] { ++calls; });
  bool stopping = false;
  reactor().post([&] {
    work(500ms);
    reactor().call_later(300ms, [&] { ++calls; });
    moved.reset(300ms);
    delayed.reset(100ms);
    delayed.delay(200ms);
    stopping = true;
  });
  ASSERT_TRUE(until([&] { return stopping; }));
  settle();
  EXPECT_EQ(calls, 0);
  pass(299ms);
  EXPECT_EQ(calls, 0);
  pass(1ms);
  EXPECT_EQ(calls, 3);
}

TEST_P(Turns, TheTimeToStopCountsFromTheCall) {
  const Client slow = join({}, true);
  fill(slow);
  reactor().call_later(0s, [&] {
    work(500ms);
    reactor().stop(300ms);
  });
  settle();
  EXPECT_FALSE(slow.story->lost());
  pass(299ms);
  EXPECT_FALSE(slow.story->lost());
  outside().clock().advance(1ms);
  bool running = true;
  for (int i = 0; i < 20000 && running; ++i) running = reactor().turn(0s);
  EXPECT_FALSE(running);
  EXPECT_TRUE(slow.story->lost());
}

TEST_P(Turns, TheTimeToConnectCountsFromTheCall) {
  std::vector<ScriptedResolver::Asked> asked;
  reactor().install_resolver(std::make_unique<ScriptedResolver>(asked));
  bool failed = false;
  reactor().post([&] {
    work(500ms);
    reactor().connect_tcp({"host.example", 80}, [] { return std::unique_ptr<Protocol>(); },
                          {.timeout = 300ms, .failed = [&](const SocketError&) { failed = true; }});
  });
  settle();
  EXPECT_EQ(asked.size(), 2U);
  pass(299ms);
  EXPECT_FALSE(failed);
  pass(1ms);
  EXPECT_TRUE(failed);
}

TEST_P(Turns, TheTimeToCloseCountsFromTheCall) {
  const Client slow = join({}, true);
  fill(slow);
  const Client producing = join();
  int stopped = 0;
  Asked producer({}, [&] { ++stopped; });
  producing.wire().register_producer(producer, Production::streaming);
  const Client quick = join();
  reactor().post([&] {
    work(31s);
    slow.wire().lose_connection();
    producing.wire().lose_connection();
    quick.wire().lose_connection();
  });
  settle();
  ASSERT_TRUE(quick.story->lost());
  pass(1999ms);
  EXPECT_EQ(counts_.open, 3U) << "it lingers";
  pass(1ms);
  EXPECT_EQ(counts_.open, 2U);
  pass(27999ms);
  EXPECT_FALSE(slow.story->lost());
  EXPECT_EQ(stopped, 0);
  pass(1ms);
  EXPECT_TRUE(slow.story->lost());
  EXPECT_EQ(stopped, 1);
}

TEST_P(Turns, TheBrakeCountsFromTheCall) {
  Limits limits;
  limits.sendq_bytes = 400000;
  start(limits);
  const Client behind = join({}, true);
  fill(behind, 210000);
  const Client sender = join({.received = [&](Actor&, std::string_view) {
    work(500ms);
    behind.wire().write("x");
  }});
  sender.peer->send("1");
  ASSERT_TRUE(until([&] { return !sender.story->received.empty(); }));
  settle();
  EXPECT_FALSE(sender.wire().reading());
  pass(9ms);
  EXPECT_FALSE(sender.wire().reading());
  pass(1ms);
  EXPECT_TRUE(sender.wire().reading());
}

// One descriptor, watched by two.

TEST_P(Turns, OneReadsAndAnotherWrites) {
  const std::unique_ptr<Signal> signal = outside().signal();
  std::string told;
  const auto tells = [&](std::string_view name) {
    return [&told, name](Interest ready) {
      told += name;
      told += ready == Interest::read ? 'r' : ready == Interest::write ? 'w' : '?';
    };
  };
  const auto in_a_turn = [&] {
    told.clear();
    for (int i = 0; i < 60 && told.empty(); ++i) turn();
    return told;
  };
  Watching reads = reactor().watch(signal->descriptor(), Interest::read, tells("a"));
  Watching writes = reactor().watch(signal->descriptor(), Interest::write, tells("b"));
  EXPECT_EQ(in_a_turn(), "bw");
  signal->raise();
  EXPECT_EQ(in_a_turn(), "arbw");
  writes.change(Interest::none);
  EXPECT_EQ(in_a_turn(), "ar");
  reads.change(Interest::write);
  EXPECT_EQ(in_a_turn(), "aw");
  writes.change(Interest::read);
  EXPECT_EQ(in_a_turn(), "awbr");
  reads.stop();
  EXPECT_EQ(in_a_turn(), "br");
  reads = reactor().watch(signal->descriptor(), Interest::read, tells("c"));
  EXPECT_EQ(in_a_turn(), "brcr");
  writes.stop();
  EXPECT_EQ(in_a_turn(), "cr");
  signal->lower();
  EXPECT_EQ(in_a_turn(), "");
  reads.stop();
  signal->raise();
  EXPECT_EQ(in_a_turn(), "");
}

TEST_P(Turns, OneOfTwoThatWatchStopsTheOtherOrItself) {
  const std::unique_ptr<Signal> signal = outside().signal();
  int first = 0;
  int second = 0;
  Watching one;
  Watching two;
  one = reactor().watch(signal->descriptor(), Interest::read, [&](Interest) {
    if (++first == 2) two.stop();
    if (first == 3) one.stop();
  });
  two = reactor().watch(signal->descriptor(), Interest::both, [&](Interest ready) {
    if ((ready & Interest::read) != Interest::none) ++second;
  });
  signal->raise();
  ASSERT_TRUE(until([&] { return first == 3; }));
  settle();
  EXPECT_EQ(first, 3);
  EXPECT_EQ(second, 1) << "it was told after it was stopped";
}

}  // namespace
}  // namespace parley::conformance
