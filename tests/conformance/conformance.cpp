#include "tests/conformance/conformance.h"

#include <algorithm>
#include <chrono>
#include <stdexcept>
#include <utility>

#include "parley/reactor/loop/loop.h"

namespace parley::conformance {

using namespace std::chrono_literals;

void Conformance::start(const Limits& limits, Duration flush_interval) {
  Actor::off_stage(false);
  reactor_.reset();
  outside_ = Outside::make(GetParam());
  counts_ = {};
  reactor_ = std::make_unique<Reactor>(
      Inspector::around(*outside_, counts_),
      ReactorSettings{
          .limits = limits, .clock = &outside_->clock(), .log = &log_, .flush_interval = flush_interval});
  listen();
}

namespace {

// Makes new bytes of all that passes, in pieces, and takes what comes in parts: as TLS would.
class Copying final : public Filter {
 public:
  void data_received(std::span<char> lent) override {
    kept_.append(lent.data(), lent.size());
    hand_on();
  }
  bool eof_received() override {
    if (kept_.empty()) return Filter::eof_received();
    ended_ = true;
    return true;
  }
  void reading_resumed() override {
    Filter::reading_resumed();
    hand_on();
    if (!ended_ || !kept_.empty() || !transport().reading()) return;
    ended_ = false;
    if (!Filter::eof_received()) transport().lose_connection();
  }
  void flush(Output& output) override {
    while (output.size() > 0) {
      const std::string_view piece = output.pieces().front().substr(0, 700);
      output.put(piece);
      output.drop(piece.size());
    }
  }

 private:
  // Nothing while reading is off; what comes then is only the end.
  void hand_on() {
    std::size_t at = 0;
    while (at < kept_.size() && transport().reading()) {
      const std::size_t size = std::min<std::size_t>(kept_.size() - at, 9000);
      at += size;
      application().data_received({kept_.data() + at - size, size});
    }
    kept_.erase(0, at);
  }

  std::string kept_;
  bool ended_ = false;
};

}  // namespace

Wrap Conformance::filters() {
  if (!GetParam().filtered) return {};
  return layers([](const Address&) { return std::make_unique<Filter>(); },
                [](const Address&) { return std::make_unique<Copying>(); });
}

void Conformance::listen() {
  port_ = reactor_->listen_tcp({"127.0.0.1", 0}, [this] { return next_actor(); }, {.wrap = filters()})
              .host()
              .port();
}

void Conformance::finish() {
  if (reactor_ == nullptr) return;
  Actor::off_stage(true);
  outside_->leave(Outside::Means::enough);
  reactor_->stop(0s);
  bool running = true;
  for (int i = 0; i < 20000 && running; ++i) running = reactor_->turn(0s);
  EXPECT_FALSE(running) << "the reactor does not stop";
  EXPECT_EQ(reactor_->connections(), 0U);
  EXPECT_EQ(counts_.open, 0U);
  EXPECT_EQ(Actor::alive(), 0U);
  for (const Story& story : stories_) {
    EXPECT_EQ(story.times("lost"), story.made() ? 1U : 0U);
  }
  reactor_.reset();
}

std::unique_ptr<Protocol> Conformance::next_actor() {
  if (coming_.empty()) {
    ADD_FAILURE() << "a connection that nobody has made";
    return nullptr;
  }
  auto [story, script] = std::move(coming_.front());
  coming_.pop_front();
  return std::make_unique<Actor>(*story, std::move(script));
}

Conformance::Client Conformance::come(Script script, bool narrow) {
  coming_.emplace_back(&stories_.emplace_back(), std::move(script));
  return {outside_->connect({"127.0.0.1", port_}, narrow), &stories_.back()};
}

Conformance::Client Conformance::join(Script script, bool narrow) {
  Client client = come(std::move(script), narrow);
  if (!until([&] { return client.story->made(); })) {
    throw std::runtime_error("a connection was not made");
  }
  return client;
}

Conformance::Client Conformance::adopt(Script script) {
  auto [descriptor, peer] = outside_->connected();
  Story& story = stories_.emplace_back();
  story.id = reactor_->loop().connections().adopt(
      Handle{descriptor}, CompactAddress(),
      detail::wrapped(filters(), Address(), std::make_unique<Actor>(story, std::move(script))));
  return {std::move(peer), &story};
}

void Conformance::turn() {
  EXPECT_TRUE(reactor_->turn(0s));
  outside_->move();
}

bool Conformance::until(const std::function<bool()>& so) {
  const auto patience = std::chrono::steady_clock::now() + 100s;
  for (int quiet = 0; !so();) {
    if (std::chrono::steady_clock::now() > patience) return false;
    const std::size_t upcalls = counts_.upcalls;
    // Sockets may need a moment; the clock by hand does not go on meanwhile.
    EXPECT_TRUE(reactor_->turn(quiet > 20 && !in_memory() ? Duration(1ms) : Duration::zero()));
    quiet = outside_->move() || counts_.upcalls != upcalls ? 0 : quiet + 1;
    if (quiet > 1000) return so();
  }
  return true;
}

void Conformance::settle() {
  int turns = 0;
  for (int quiet = 0; quiet < (in_memory() ? 40 : 4); ++turns) {
    const std::size_t upcalls = counts_.upcalls;
    EXPECT_TRUE(reactor_->turn(quiet > 1 && !in_memory() ? Duration(1ms) : Duration::zero()));
    quiet = outside_->move() || counts_.upcalls != upcalls ? 0 : quiet + 1;
    if (turns == 5000) {
      ADD_FAILURE() << "there is no end of what happens";
      return;
    }
  }
}

void Conformance::pass(Duration time) {
  outside_->clock().advance(time);
  settle();
}

}  // namespace parley::conformance
