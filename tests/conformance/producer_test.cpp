// Who writes a long answer as fast as its peer reads: paused and resumed, or pulled; and how it ends.

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/conformance/conformance.h"

namespace parley::conformance {
namespace {

using namespace std::chrono_literals;

// Writes a text in pieces.
class Text final : public Producer {
 public:
  Text(Transport& to, std::string text, Production how) : to_(to), text_(std::move(text)) {
    to_.register_producer(*this, how);
  }

  // What one that streams does of itself.
  void go_on() {
    if (paused_ || stopped_ || done()) return;
    const std::size_t size = std::min<std::size_t>(8000, text_.size() - sent_);
    to_.write(std::string_view(text_).substr(sent_, size));
    sent_ += size;
    if (done()) to_.unregister_producer();
  }
  void resume_producing() override {
    EXPECT_FALSE(stopped_);
    told_.emplace_back("resume");
    most_queued_ = std::max(most_queued_, to_.queued());
    paused_ = false;
    go_on();
  }
  void pause_producing() override {
    EXPECT_FALSE(paused_ || stopped_);
    told_.emplace_back("pause");
    paused_ = true;
  }
  void stop_producing() override {
    EXPECT_FALSE(stopped_);
    told_.emplace_back("stop");
    stopped_ = true;
  }

  bool done() const { return sent_ == text_.size(); }
  std::size_t sent() const { return sent_; }
  // When it was told to go on.
  std::size_t most_queued() const { return most_queued_; }
  std::size_t times(std::string_view what) const {
    return static_cast<std::size_t>(std::ranges::count(told_, what));
  }

 private:
  Transport& to_;
  std::string text_;
  std::size_t sent_ = 0;
  std::size_t most_queued_ = 0;
  bool paused_ = false;
  bool stopped_ = false;
  std::vector<std::string> told_;
};

class Producing : public Conformance {
 protected:
  Client slow_client(Script script = {}) {
    Client client = join(std::move(script), true);
    client.peer->window(0);
    return client;
  }
};
PARLEY_CONFORMANCE(Producing);
PARLEY_CONFORMANCE_UNDER_FILTERS(Producing);

TEST_P(Producing, OneThatIsPulledWritesWhatThePeerTakes) {
  const Client client = slow_client();
  const std::string text = text_of(2000000);
  Text producer(client.wire(), text, Production::pulled);
  EXPECT_EQ(producer.sent(), 0U) << "asked from inside the call";
  settle();
  EXPECT_FALSE(producer.done());
  EXPECT_LE(client.wire().queued(), 8000U);
  client.peer->window(Peer::everything);
  ASSERT_TRUE(until([&] { return client.peer->received().size() == text.size(); }));
  EXPECT_SAME(client.peer->received(), text);
  EXPECT_EQ(producer.times("stop"), 0U);
}

TEST_P(Producing, OneThatStreamsIsPausedAndResumed) {
  const Client client = slow_client();
  const std::string text = text_of(3000000);
  Text producer(client.wire(), text, Production::streaming);
  ASSERT_TRUE(until([&] {
    producer.go_on();
    return producer.times("pause") == 1;
  }));
  client.peer->window(Peer::everything);
  ASSERT_TRUE(until([&] {
    producer.go_on();
    return producer.done();
  }));
  ASSERT_TRUE(until([&] { return client.peer->received().size() == text.size(); }));
  EXPECT_SAME(client.peer->received(), text);
  EXPECT_GE(producer.times("resume"), 1U);
}

TEST_P(Producing, PausedAtTheHighWaterMark) {
  Limits limits;
  limits.high_water = 50000;
  limits.low_water = 10000;
  start(limits);
  const Client client = slow_client();
  Text producer(client.wire(), text_of(20000000), Production::streaming);
  for (int i = 0; i < 20000 && producer.times("pause") == 0; ++i) {
    client.wire().write(text_of(1000));
    turn();
  }
  EXPECT_EQ(producer.times("pause"), 1U);
  EXPECT_EQ(producer.times("resume"), 0U);
  client.wire().unregister_producer();
  client.peer->window(Peer::everything);
  settle();
  EXPECT_EQ(producer.times("resume"), 0U) << "it was unregistered";
}

// The peer takes little by little, so that what waits stands between the two marks for many turns.
TEST_P(Producing, ResumedAtTheLowMarkAndNotAtTheHighOne) {
  Limits limits;
  limits.high_water = 400'000;
  limits.low_water = 20'000;
  start(limits);
  const Client client = slow_client();
  Text producer(client.wire(), text_of(3'000'000), Production::streaming);
  ASSERT_TRUE(until([&] {
    producer.go_on();
    return producer.times("pause") == 1;
  }));
  for (int i = 0; i < 4000 && producer.times("resume") == 0; ++i) {
    client.peer->window(5000);
    settle();
  }
  EXPECT_EQ(producer.times("resume"), 1U);
  EXPECT_LE(producer.most_queued(), limits.low_water);
  client.wire().unregister_producer();
}

TEST_P(Producing, ClosingWaitsForTheProducer) {
  for (const Production how : {Production::pulled, Production::streaming}) {
    const Client client = slow_client();
    const std::string text = text_of(1000000);
    Text producer(client.wire(), text, how);
    client.wire().lose_connection();
    EXPECT_FALSE(client.wire().reading());
    client.wire().resume_reading();
    client.peer->send("nobody reads this");
    settle();
    EXPECT_FALSE(client.story->lost());
    client.peer->window(Peer::everything);
    ASSERT_TRUE(until([&] {
      if (how == Production::streaming) producer.go_on();
      return client.story->lost();
    }));
    ASSERT_TRUE(until([&] { return client.peer->ended(); }));
    EXPECT_SAME(client.peer->received(), text);
    EXPECT_EQ(client.story->received, "");
    EXPECT_EQ(client.story->reason->kind(), Reason::Kind::closed);
    EXPECT_EQ(producer.times("stop"), 0U);
  }
}

TEST_P(Producing, ClosingDoesNotWaitForOneThatTheEndOfOutputHasStopped) {
  for (const bool shut_first : {true, false}) {
    const Client client = join();
    Text producer(client.wire(), text_of(1000000), Production::streaming);
    if (shut_first) client.wire().shutdown_write();
    client.wire().lose_connection();
    if (!shut_first) client.wire().shutdown_write();
    ASSERT_TRUE(until([&] { return client.story->lost(); })) << shut_first;
    EXPECT_EQ(producer.times("stop"), 1U);
  }
}

TEST_P(Producing, ALossStopsItBeforeTheProtocolIsTold) {
  Text* told = nullptr;
  std::size_t stopped_before = 0;
  const Client client =
      slow_client({.lost = [&](Actor&, const Reason&) { stopped_before = told->times("stop"); }});
  Text producer(client.wire(), text_of(1000000), Production::pulled);
  told = &producer;
  settle();
  client.peer->reset();
  client.wire().abort_connection();
  ASSERT_TRUE(until([&] { return client.story->lost(); }));
  EXPECT_EQ(stopped_before, 1U);
  EXPECT_EQ(producer.times("stop"), 1U);
}

TEST_P(Producing, OneIsEnough) {
  const Client client = join();
  Text producer(client.wire(), "text", Production::pulled);
  EXPECT_THROW(Text(client.wire(), "another", Production::pulled), std::logic_error);
  ASSERT_TRUE(until([&] { return client.peer->received() == "text"; }));
  Text next(client.wire(), " and more", Production::pulled);
  ASSERT_TRUE(until([&] { return client.peer->received() == "text and more"; }));
}

TEST_P(Producing, OnAnEndedConnectionItIsToldToStop) {
  const Client client = join();
  client.wire().shutdown_write();
  Text producer(client.wire(), "too late", Production::pulled);
  EXPECT_EQ(producer.times("stop"), 0U) << "told from inside the call";
  settle();
  EXPECT_EQ(producer.times("stop"), 1U);
  EXPECT_EQ(producer.times("resume"), 0U);
  EXPECT_FALSE(client.story->lost());
}

TEST_P(Producing, StoppingGivesItTimeAndThenCutsItOff) {
  const Client client = slow_client();
  Text producer(client.wire(), text_of(5000000), Production::pulled);
  reactor().stop(3s);
  for (int i = 0; i < 100; ++i) turn();
  EXPECT_EQ(producer.times("stop"), 0U);
  outside().clock().advance(3s);
  bool running = true;
  for (int i = 0; i < 20000 && running; ++i) running = reactor().turn(0s);
  EXPECT_FALSE(running);
  EXPECT_EQ(producer.times("stop"), 1U);
  EXPECT_EQ(client.story->reason->kind(), Reason::Kind::aborted);
}

TEST_P(Producing, APeerThatTakesEverythingStarvesNobody) {
  const Client client = join();
  const Client other = join();
  Text producer(client.wire(), text_of(5000000), Production::pulled);
  other.peer->send("served in between");
  ASSERT_TRUE(until([&] { return other.story->received == "served in between"; }));
  EXPECT_FALSE(producer.done());
  client.wire().abort_connection();
  settle();  // it is told while it still lives
  EXPECT_EQ(producer.times("stop"), 1U);
}

}  // namespace
}  // namespace parley::conformance
