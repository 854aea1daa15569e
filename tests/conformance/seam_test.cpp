// The seam itself, without a loop: what a back end promises to whoever calls it.

#include "tests/conformance/seam.h"

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace parley::conformance {
namespace {

INSTANTIATE_TEST_SUITE_P(Over, Seam, testing::ValuesIn(all_setups()),
                         [](const auto& setup) { return setup.param.name; });

TEST_P(Seam, NothingIsReadUntilItIsAskedFor) {
  Link& link = join();
  link.peer->send("hello");
  turns(60);
  EXPECT_EQ(link.received, "");
  read(link, true);
  EXPECT_TRUE(until([&] { return link.received == "hello"; }));
  EXPECT_EQ(backend_->host(link), at_);
}

TEST_P(Seam, WhatThePeerHasNotTakenIsHeld) {
  Link& link = join(true);
  const auto go_on = [&](Link&) {
    while (link.sent < link.output->size()) {
      const Written written = write(link);
      if (written.pending || link.sent < link.output->size()) return;
    }
  };
  when_written = go_on;
  link.peer->window(0);
  link.output = std::make_unique<std::string>(text_of(GetParam().memory ? 20000 : 300'000));
  go_on(link);
  turns(20);
  EXPECT_GT(backend_->held(link), 0U);
  link.peer->window(Peer::everything);
  EXPECT_TRUE(until([&] { return link.peer->received().size() == link.output->size(); }));
  EXPECT_TRUE(until([&] { return backend_->held(link) == 0U; }));
}

TEST_P(Seam, Rule1_PausingInTheMiddleOfABatch) {
  std::vector<Link*> all;
  for (int i = 0; i < 6; ++i) all.push_back(&join());
  const std::string text = text_of(3000);
  std::size_t calls = 0;
  when_received = [&](Link&) {
    ++calls;
    for (Link* const link : all) read(*link, false);  // the inspector complains of whoever is called now
  };
  for (Link* const link : all) {
    link->peer->send(text);
    link->peer->close();
    read(*link, true);
  }
  const auto over = [&] {
    return std::all_of(all.begin(), all.end(), [](Link* link) { return link->ends == 1; });
  };
  for (int i = 0; i < 20000 && !over(); ++i) {
    const std::size_t before = calls;
    turn();
    ASSERT_LE(calls, before + 1);
    // Now one of them, now all.
    for (std::size_t j = 0; j < all.size(); ++j) {
      if (i % 2 == 0 || calls % all.size() == j) read(*all[j], true);
    }
  }
  for (Link* const link : all) EXPECT_SAME(link->received, text);
}

// What was taken over stays as it is, whatever comes later; what the back end keeps, it may write over.
TEST_P(Seam, WhatIsTakenOverBelongsToWhoeverTookIt) {
  struct Taken {
    InputBlock block;
    std::size_t at;
    std::size_t size;
  };
  std::vector<Taken> taken;
  std::string received;
  when_lent = [&](std::span<const char> lent) {
    EXPECT_EQ(backend_->take_lent(std::string_view("something else")).memory, nullptr);
    InputBlock block = backend_->take_lent(lent);
    received.append(lent.data(), lent.size());
    if (block.memory == nullptr) return;
    EXPECT_EQ(block.memory.get(), lent.data());
    EXPECT_GE(block.size, lent.size());
    EXPECT_LE(block.size, 4 * lent.size() + 3);
    EXPECT_EQ(backend_->take_lent(lent).memory, nullptr) << "it has one owner";
    taken.push_back({std::move(block), received.size() - lent.size(), lent.size()});
  };
  Link& one = join();
  Link& two = join();
  read(one, true);
  read(two, true);
  const std::string text = text_of(400'000);
  one.peer->send(text);
  ASSERT_TRUE(until([&] { return received.size() == text.size(); }));
  EXPECT_SAME(received, text);
  two.peer->send(text);
  ASSERT_TRUE(until([&] { return received.size() == 2 * text.size(); }));
  EXPECT_SAME(received, text + text);
  for (const Taken& each : taken) {
    const std::string_view bytes(each.block.memory.get(), each.size);
    EXPECT_TRUE(bytes == std::string_view(received).substr(each.at, each.size)) << each.at;
  }
}

// Under AddressSanitizer: whoever touches a slot or its bytes after on_closed is caught.
TEST_P(Seam, Rule2_StorageGoesInsideOnClosed) {
  const std::string text = text_of(300000);
  when_received = [&](Link& link) {
    if (!link.closing && link.received.size() % 3 == 0) {
      link.closing = true;
      backend_->close(link, link.received.size() % 2 == 0);
    }
  };
  for (int round = 0; round < 5; ++round) {
    std::vector<Link*> ours;
    for (int i = 0; i < 20; ++i) {
      Link& link = join(i % 2 == 0);
      link.peer->window(static_cast<std::size_t>(i) * 500);
      link.output = std::make_unique<std::string>(text);
      (void)write(link);
      link.peer->send(text_of(static_cast<std::size_t>(i) * 40));
      if (i % 4 == 1) link.peer->reset();
      ours.push_back(&link);
    }
    for (Link* const link : ours) read(*link, true);
    turns(round);
    // Those that are still open: every other in good order, the others with a reset.
    const std::vector<Link*> left = links_;
    for (std::size_t i = 0; i < left.size(); ++i) {
      if (!left[i]->closing) backend_->close(*left[i], i % 2 == 0);
    }
    EXPECT_TRUE(until([&] { return links_.empty(); }));
  }
  EXPECT_EQ(closed_, 100U);
  EXPECT_EQ(counts_.open, 0U);
}

TEST_P(Seam, AnotherConnectionAfterwards) {
  Link& first = join();
  first.peer->send(text_of(1000));
  read(first, true);
  Link* again = nullptr;
  when_closed = [&](Link&) { again = new Link; };
  backend_->close(first, false);
  ASSERT_TRUE(until([&] { return again != nullptr; }));
  when_closed = nullptr;
  links_.push_back(again);
  coming_ = again;
  again->peer = outside_->connect(at_);
  ASSERT_TRUE(until([&] { return coming_ == nullptr; }));
  read(*again, true);
  again->peer->send("fresh");
  EXPECT_TRUE(until([&] { return again->received == "fresh"; }));
}

TEST_P(Seam, Rule3_OneOnWrittenForEachWriteThatWasNotTakenWhole) {
  std::size_t unfinished = 0;
  std::vector<Link*> all;
  const auto go_on = [&](Link& link) {
    while (link.sent < link.output->size()) {
      const std::size_t before = link.sent;
      const Written written = write(link);
      const std::size_t rest = link.output->size() - before;
      if (written.pending || written.taken < rest) {
        ++unfinished;
        return;
      }
    }
    backend_->shutdown_write(link);
  };
  when_written = go_on;
  for (std::size_t i = 0; i < 5; ++i) {
    Link& link = join(true);
    link.peer->window(1000 * i);
    link.output =
        std::make_unique<std::string>(text_of(GetParam().memory ? 20000 : 300000, std::to_string(i)));
    all.push_back(&link);
    go_on(link);
  }
  turns(20);
  for (Link* const link : all) link->peer->window(Peer::everything);
  EXPECT_TRUE(until(
      [&] { return std::all_of(all.begin(), all.end(), [](Link* link) { return link->peer->ended(); }); }));
  std::size_t written = 0;
  for (Link* const link : all) {
    EXPECT_SAME(link->peer->received(), *link->output);
    written += link->written;
  }
  EXPECT_EQ(written, unfinished);
}

TEST_P(Seam, Rule4_ReadingIsSwitchedOffAndOnManyTimes) {
  Link& link = join();
  const std::string text = text_of(30000);
  link.peer->send(text);
  link.peer->close();
  const bool everything = until([&] {
    read(link, !link.reading);
    turn();
    counts_.upcalls += 1;
    return link.ends == 1;
  });
  EXPECT_TRUE(everything);
  EXPECT_SAME(link.received, text);
}

TEST_P(Seam, Rule6_AcceptingIsBounded) {
  Limits limits;
  limits.accept_batch = 3;
  make(limits);
  std::vector<std::unique_ptr<Peer>> peers;
  for (int i = 0; i < 10; ++i) peers.push_back(outside_->connect(at_));
  std::size_t accepted = 0;
  when_accepted = [&](ListenerSlot&, int descriptor) {
    ++accepted;
    backend_->discard(Handle{descriptor});
  };
  std::size_t most = 0;
  until([&] {
    const std::size_t before = accepted;
    turn();
    most = std::max(most, accepted - before);
    return accepted == 10;
  });
  EXPECT_EQ(accepted, 10U);
  EXPECT_LE(most, 3U);
  for (const auto& peer : peers) EXPECT_TRUE(until([&] { return peer->ended() || peer->was_reset(); }));
}

TEST_P(Seam, Rule8_ADoorMayGoInsideOnAccepted) {
  std::vector<std::unique_ptr<Peer>> peers;
  for (int i = 0; i < 5; ++i) peers.push_back(outside_->connect(at_));
  std::size_t accepted = 0;
  when_accepted = [&](ListenerSlot& slot, int descriptor) {
    EXPECT_EQ(&slot, listener_.get());
    ++accepted;
    backend_->discard(Handle{descriptor});
    backend_->unlisten(slot);
    listener_ = std::make_unique<ListenerSlot>();  // the old one is freed
  };
  ASSERT_TRUE(until([&] { return accepted == 1; }));
  turns(50);
  EXPECT_EQ(accepted, 1U);
  ASSERT_TRUE(backend_->listen(*listener_, {"127.0.0.1", 0}, {}).ok());
}

TEST_P(Seam, Rule8_AWatchMayGoInsideOnReady) {
  const auto first = outside_->signal();
  const auto second = outside_->signal();
  auto a = std::make_unique<WatchSlot>();
  auto b = std::make_unique<WatchSlot>();
  backend_->watch(*a, Handle{first->descriptor()}, Interest::both & Interest::read);
  backend_->watch(*b, Handle{second->descriptor()}, Interest::read);
  first->raise();
  second->raise();
  int calls = 0;
  when_ready = [&](WatchSlot&, Interest ready) {
    EXPECT_EQ(ready, Interest::read);
    ++calls;
    backend_->unwatch(*a);
    backend_->unwatch(*b);
    a.reset();  // freed at once
    b.reset();
  };
  turns(60);
  EXPECT_EQ(calls, 1);
}

TEST_P(Seam, FailuresAreToldOnceAndNothingFollows) {
  Link& link = join();
  read(link, true);
  link.peer->reset();
  ASSERT_TRUE(until([&] { return static_cast<bool>(link.failure); }));
  EXPECT_EQ(link.failure, std::errc::connection_reset);
  link.output = std::make_unique<std::string>("too late");
  EXPECT_EQ(write(link).taken, 0U);
  turns(60);
  EXPECT_EQ(link.ends, 0U);
}

TEST_P(Seam, ClosingInGoodOrderAndByAReset) {
  Link& ordered = join();
  Link& reset = join();
  ordered.output = std::make_unique<std::string>("words");
  while (ordered.sent < 5) {
    (void)write(ordered);
    ASSERT_TRUE(until([&] { return ordered.sent == 5 || ordered.written > 0; }));
    ordered.written = 0;
  }
  // The handles outlive the channels.
  const std::shared_ptr<Peer> good = std::move(ordered.peer);
  const std::shared_ptr<Peer> bad = std::move(reset.peer);
  backend_->close(ordered, false);
  backend_->close(reset, true);
  ASSERT_TRUE(until([&] { return closed_ == 2; }));
  EXPECT_TRUE(until([&] { return good->ended(); }));
  EXPECT_EQ(good->received(), "words");
  EXPECT_FALSE(good->was_reset());
  EXPECT_TRUE(until([&] { return bad->was_reset(); }));
}

TEST_P(Seam, DetachingLosesNothing) {
  Link& link = join();
  const std::string text = text_of(8000);
  const std::shared_ptr<Peer> peer = std::move(link.peer);
  std::string so_far;
  int descriptor = -1;
  when_received = [&](Link& one) { backend_->detach(one); };
  when_detached = [&](Link& one, int given, std::string_view held) {
    so_far = one.received;
    so_far += held;
    descriptor = given;
  };
  peer->send(text);
  peer->close();
  read(link, true);
  ASSERT_TRUE(until([&] { return descriptor >= 0; }));
  when_received = nullptr;
  auto* const next = new Link;
  links_.push_back(next);
  backend_->open(*next, Handle{descriptor});
  read(*next, true);
  ASSERT_TRUE(until([&] { return next->ends == 1; }));
  EXPECT_SAME(so_far + next->received, text);
  next->output = std::make_unique<std::string>("still connected");
  while (next->sent < next->output->size()) {
    const std::size_t before = next->written;
    if (const Written written = write(*next); !written.pending && next->sent == next->output->size()) break;
    ASSERT_TRUE(until([&] { return next->written > before; }));
  }
  EXPECT_TRUE(until([&] { return peer->received() == "still connected"; }));
}

TEST_P(Seam, ATurnDoesNotWaitForWhatHasPassedNorWhenItWasWoken) {
  const auto begin = std::chrono::steady_clock::now();
  const Time now = outside_->clock().now();
  backend_->turn(now - 1s);
  for (int i = 0; i < 3; ++i) backend_->wake();
  backend_->turn(now + 1h);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 60s);
  EXPECT_LT(outside_->clock().now() - now, 1s);
  counts_.idle = 0;
  turn(2ms);  // one wake-up is not remembered for ever
  EXPECT_EQ(counts_.idle, 0U);
}

TEST_P(Seam, AnAddressInUseIsAnError) {
  ListenerSlot another;
  const Result<Address> result = backend_->listen(another, at_, {});
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error(), std::errc::address_in_use);
}

}  // namespace
}  // namespace parley::conformance
