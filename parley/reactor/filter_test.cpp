#include "parley/reactor/filter.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <stdexcept>
#include <string>
#include <vector>

#include "parley/reactor/backends/memory.h"
#include "parley/reactor/group.h"
#include "parley/reactor/loop/loop.h"
#include "parley/reactor/string_transport.h"

namespace parley {
namespace {

using namespace std::chrono_literals;
using Events = std::vector<std::string>;

class Application final : public Protocol {
 public:
  explicit Application(Events& events) : events_(events) {}
  using Protocol::transport;

  void connection_made() override { events_.emplace_back("made"); }
  void data_received(std::span<char> lent) override {
    events_.emplace_back(lent.data(), lent.size());
    transport().writelines(std::vector<std::string_view>{"ec", "ho"});
  }
  bool eof_received() override {
    events_.emplace_back("end");
    return false;
  }
  void reading_resumed() override { events_.emplace_back("resumed"); }
  void pause_writing() override { events_.emplace_back("much"); }
  void resume_writing() override { events_.emplace_back("little"); }
  void connection_lost(Reason reason) override { events_.push_back(concat("lost: ", reason)); }

 private:
  Events& events_;
};

// Can send nothing with an "x" in it.
class Fragile final : public Filter {
 public:
  using Filter::Filter;
  void flush(Output& output) override {
    for (const std::string_view piece : output.pieces()) {
      if (piece.find('x') != piece.npos) throw std::runtime_error("no x");
    }
    output.pass(output.size());
  }
};

// Capital letters on the wire.
class Capital final : public Filter {
 public:
  using Filter::Filter;
  void flush(Output& output) override {
    while (output.size() > 0) {
      const std::string_view piece = output.pieces().front();
      const std::span<char> room = output.room(piece.size());
      std::transform(piece.begin(), piece.end(), room.begin(),
                     [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
      output.put(piece.size());
      output.drop(piece.size());
    }
  }
};

// An exclamation mark before whatever leaves together; a question mark at the end.
class Marked final : public Filter {
 public:
  using Filter::Filter;
  void flush(Output& output) override {
    output.put("!");
    output.pass(output.size());
  }
  bool finish(Output& output) override {
    output.put("?");
    return true;
  }
};

TEST(Filter, ByItselfItHandsEverythingOn) {
  Events events;
  auto made = std::make_unique<Application>(events);
  Application& application = *made;
  Filter filter(std::move(made));
  StringTransport wire;
  wire.connect(filter);
  EXPECT_EQ(&application.transport(), &wire);
  wire.receive("hello");
  EXPECT_EQ(wire.written(), "echo");
  application.transport().write("text");
  application.transport().write(Slice::permanent("slice"));
  EXPECT_EQ(application.transport().queued(), 9U);
  wire.turn();
  EXPECT_EQ(application.transport().queued(), 0U);
  EXPECT_EQ(wire.written(), "echotextslice");

  application.transport().pause_reading();
  EXPECT_FALSE(wire.reading());
  application.transport().resume_reading();
  wire.turn();
  EXPECT_TRUE(application.transport().reading());
  static_cast<Protocol&>(filter).pause_writing();
  static_cast<Protocol&>(filter).resume_writing();
  application.transport().shutdown_write();
  wire.turn();
  EXPECT_TRUE(wire.write_ended());
  wire.receive_end();
  wire.turn();
  EXPECT_EQ(events,
            (Events{"made", "hello", "resumed", "much", "little", "end", "lost: closed by the peer"}));
}

TEST(Filter, ItSaysItsLastWordsBehindWhatWasWritten) {
  for (const bool whole : {false, true}) {
    Events events;
    auto made = std::make_unique<Application>(events);
    Application& application = *made;
    Marked filter(std::make_unique<Capital>(std::move(made)));
    StringTransport wire;
    wire.connect(filter);
    application.transport().write("bye");
    whole ? application.transport().lose_connection() : application.transport().shutdown_write();
    EXPECT_FALSE(whole ? wire.closing() : wire.write_ended());
    wire.turn();
    EXPECT_TRUE(whole ? wire.closing() : wire.write_ended());
    EXPECT_EQ(wire.written(), "!BYE?");
  }
}

TEST(Filter, AbortedItSaysNothing) {
  Events events;
  auto made = std::make_unique<Application>(events);
  Application& application = *made;
  Marked filter(std::move(made));
  StringTransport wire;
  wire.connect(filter);
  application.transport().write("bye");
  application.transport().abort_connection();
  wire.turn();
  EXPECT_EQ(wire.written(), "");
  EXPECT_EQ(events.back(), "lost: aborted");
}

struct Filtered : testing::Test {
  Filtered() {
    port = reactor
               .listen_tcp({"127.0.0.1", 0},
                           [this]() -> std::unique_ptr<Protocol> {
                             auto made = std::make_unique<Application>(events);
                             applications.push_back(made.get());
                             if (plain) return made;
                             if (fragile) return std::make_unique<Fragile>(std::move(made));
                             return std::make_unique<Marked>(std::make_unique<Capital>(std::move(made)));
                           })
               .host()
               .port();
  }
  ~Filtered() override {
    reactor.stop(0s);
    reactor.run();
  }
  void turns() {
    for (int i = 0; i < 8; ++i) reactor.turn(0s);
  }

  ManualClock clock;
  MemoryNetwork network{clock};
  Events events;
  std::vector<Application*> applications;
  bool plain = false;
  bool fragile = false;
  Reactor reactor{network.backend(), ReactorSettings{.clock = &clock}};
  int port = 0;
};

TEST_F(Filtered, FiltersStandUponFilters) {
  MemoryPeer peer = network.connect(port);
  peer.send("x");
  turns();
  EXPECT_EQ(peer.take(), "!ECHO");
  EXPECT_EQ(applications[0]->transport().peer(), peer.address());
  peer.close();
  turns();
  EXPECT_EQ(peer.take(), "?");
  EXPECT_EQ(events, (Events{"made", "x", "end", "lost: closed by the peer"}));
}

TEST_F(Filtered, WhatAGroupTellsPassesTheFilters) {
  Group group(reactor);
  std::vector<MemoryPeer> peers;
  for (const bool without : {false, true, false}) {
    plain = without;
    peers.push_back(network.connect(port));
    turns();
    group.add(applications.back()->transport());
  }
  EXPECT_EQ(group.size(), 3U);
  reactor.post([&] {
    group.broadcast("to ", "all. ");
    group.broadcast(omit(applications[0]->transport()), "not to the first. ");
    group.broadcast("again");
    applications[2]->transport().write("own");
  });
  turns();
  EXPECT_EQ(peers[0].take(), "!TO ALL. AGAIN");
  EXPECT_EQ(peers[1].take(), "to all. not to the first. again");
  EXPECT_EQ(peers[2].take(), "!TO ALL. NOT TO THE FIRST. AGAINOWN");
  peers[0].close();
  turns();
  EXPECT_EQ(group.size(), 2U);
}

TEST_F(Filtered, OneThatFailsInABroadcastEndsItsOwnConnection) {
  Group group(reactor);
  std::vector<MemoryPeer> peers;
  for (const bool fails : {false, true, false}) {
    fragile = fails;
    peers.push_back(network.connect(port));
    turns();
    group.add(applications.back()->transport());
  }
  reactor.post([&] { group.broadcast("fine. "); });
  turns();
  reactor.post([&] { group.broadcast("x"); });
  turns();
  EXPECT_EQ(peers[0].take(), "!FINE. !X");
  EXPECT_EQ(peers[1].take(), "fine. ");
  EXPECT_TRUE(peers[1].was_reset());
  EXPECT_EQ(peers[2].take(), "!FINE. !X");
  EXPECT_EQ(events.back(), "lost: its handler failed");
  EXPECT_EQ(group.size(), 2U);
}

TEST_F(Filtered, ItsApplicationHasTheConnectionForItsTransport) {
  MemoryPeer peer = network.connect(port);
  turns();
  Transport& top = applications[0]->transport();
  const TransportId id = top.id();
  ASSERT_NE(reactor.find(id), nullptr);
  EXPECT_EQ(reactor.find(id), &top);
  peer.close();
  turns();
  EXPECT_EQ(reactor.find(id), nullptr);
}

// Fails in a timer.
class Failing final : public Filter {
 public:
  Failing(std::unique_ptr<Protocol> application, Reactor& reactor)
      : Filter(std::move(application)), reactor_(reactor) {}
  void connection_made() override {
    Filter::connection_made();
    reactor_.call_later(1s, [this] { from_timer([] { throw std::runtime_error("in a timer"); }); });
  }

 private:
  Reactor& reactor_;
};

TEST(FilterTimer, WhatEscapesFromATimerAbortsTheConnection) {
  struct Silent final : Log {
    void write(Level, std::string_view) noexcept override {}
  } log;
  ManualClock clock;
  MemoryNetwork network(clock);
  Reactor reactor(network.backend(), ReactorSettings{.clock = &clock, .log = &log});
  Events events;
  int errors = 0;
  reactor.on_error([&](const std::exception_ptr&) { ++errors; });
  const int port =
      reactor
          .listen_tcp(
              {"127.0.0.1", 0},
              [&] { return std::make_unique<Failing>(std::make_unique<Application>(events), reactor); })
          .host()
          .port();
  MemoryPeer peer = network.connect(port);
  for (int i = 0; i < 8; ++i) reactor.turn(0s);
  clock.advance(1s);
  for (int i = 0; i < 8; ++i) reactor.turn(0s);
  EXPECT_EQ(errors, 1);
  EXPECT_EQ(events, (Events{"made", "lost: aborted"}));
  EXPECT_TRUE(peer.was_reset());
  reactor.stop(0s);
  reactor.run();
}

}  // namespace
}  // namespace parley
