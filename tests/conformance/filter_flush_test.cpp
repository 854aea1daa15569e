// A flush through filters: how long it may take, what it may use, and what may happen in it.

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unistd.h>
#include <utility>

#include "parley/socket/error.h"
#include "parley/socket/open_file.h"
#include "tests/conformance/filtering.h"

namespace parley::conformance {
namespace {

class FilterFlushes : public Filtering {
 protected:
  // One that filters can read.
  static OpenFile file(std::string_view contents) {
    const std::string path = testing::TempDir() + "parley_filtered_file_" + std::to_string(::getpid());
    std::ofstream(path) << contents;
    const OpenFile open(path);
    std::filesystem::remove(path);
    return open;
  }
};
PARLEY_CONFORMANCE(FilterFlushes);

// A file that a filter reads, and a peer that takes whatever comes: the others have their turn meanwhile.
TEST_P(FilterFlushes, AFlushEndsThoughThePeerTakesAll) {
  Limits limits;
  limits.turn_bytes = 32 * 1024;
  limits.sendq_bytes = 64 * 1024;  // a filter is shown a quarter of it at once
  start(limits);
  std::size_t in_turn = 0;
  std::size_t most = 0;
  const Scripted::Script counting{.flush = [&](Scripted&, Filter::Output& output) {
    in_turn += output.size();
    shift(output, 1);
  }};
  const Client client = join_under(scripted(counting));
  ASSERT_TRUE(made(client));
  const std::string text = text_of(3000000);
  client.wire().send_file(file(text), 0, text.size());
  client.wire().lose_connection();
  ASSERT_TRUE(until([&] {
    most = std::max(most, in_turn);
    in_turn = 0;
    return client.peer->ended();
  }));
  EXPECT_SAME(client.peer->received(), shifted(text, 1));
  EXPECT_LE(most, std::size_t{48} * 1024);
}

// What they have made of a large file does not stand in memory side by side.
TEST_P(FilterFlushes, TheMemoryOfAFlushIsUsedAgain) {
  Limits limits;
  limits.turn_bytes = std::size_t{1} << 30;
  limits.sendq_bytes = 64 * 1024;
  start(limits);
  std::set<const char*> places;
  std::size_t in_turn = 0;
  std::size_t most = 0;
  const Scripted::Script noting{.flush = [&](Scripted&, Filter::Output& output) {
    while (output.size() > 0) {
      const std::string_view piece = output.pieces().front();
      const std::span<char> room = output.room(piece.size());
      places.insert(room.data());
      in_turn += piece.size();
      std::copy(piece.begin(), piece.end(), room.begin());
      output.put(piece.size());
      output.drop(piece.size());
    }
  }};
  const Client client = join_under(layers(scripted(noting), plain()));
  ASSERT_TRUE(made(client));
  const std::string text = text_of(2000000);
  client.wire().send_file(file(text), 0, text.size());
  std::size_t places_of_most = 0;
  ASSERT_TRUE(until([&] {
    if (in_turn > most) {
      most = in_turn;
      places_of_most = places.size();
    }
    in_turn = 0;
    places.clear();
    return client.peer->received().size() >= text.size();
  }));
  EXPECT_SAME(client.peer->received(), text);
  if (!calm()) return;  // a write in flight pins what it stands on
  ASSERT_GT(most, 65536U);
  EXPECT_LE(places_of_most, 2U);
}

// A filter that asks to be asked again is, in the next turn: others have theirs meanwhile.
TEST_P(FilterFlushes, WhoWantsAFlushInAFlushHasItInTheNextTurn) {
  int asked = 0;
  const Client client = join_under(scripted({.finish = [&](Scripted& self, Filter::Output&) {
    if (++asked == 1000) return true;
    self.want_flush();
    return false;
  }}));
  ASSERT_TRUE(made(client));
  client.wire().lose_connection();
  turn();
  EXPECT_EQ(asked, 1);
  turn();
  EXPECT_EQ(asked, 2);
  asked = 998;
  ASSERT_TRUE(until([&] { return client.peer->ended(); }));
}

// What it was lent stays until its flush returns, and nobody is asked for anything more.
TEST_P(FilterFlushes, WhoAbortsInAFlushMayStillLookAtWhatWasThere) {
  for (const bool from_file : {false, true}) {
    int lower = 0;
    std::string seen;
    const Scripted::Script below{.flush =
                                     [&](Scripted&, Filter::Output& output) {
                                       ++lower;
                                       output.pass(output.size());
                                     },
                                 .finish =
                                     [&](Scripted&, Filter::Output&) {
                                       ++lower;
                                       return true;
                                     }};
    const Scripted::Script aborting{.flush = [&](Scripted& self, Filter::Output& output) {
      self.transport().abort_connection();
      seen.clear();
      for (const std::string_view piece : output.pieces()) seen += piece;
      output.put("text");
      output.pass(1000);
      for (const std::string_view piece : output.pieces()) seen += piece;
      output.drop(output.size());
    }};
    const Client client = join_under(layers(scripted(below), scripted(aborting)));
    ASSERT_TRUE(made(client));
    const std::string text = text_of(40000);
    from_file ? client.wire().send_file(file(text), 0, text.size()) : client.wire().write(text);
    ASSERT_TRUE(until([&] { return client.story->lost(); }));
    EXPECT_SAME(seen, text + text.substr(1000));
    EXPECT_EQ(lower, 0);
    EXPECT_EQ(client.story->reason->kind(), Reason::Kind::aborted);
  }
}

// Memory is short, and whoever is flushed holds most of it: another one pays.
TEST_P(FilterFlushes, WhoIsBeingFlushedIsNotTheOneThatPaysForMemory) {
  Limits limits;
  limits.queued_total = 600000;
  start(limits);
  const Client other = join({}, true);
  other.peer->window(0);
  bool told = false;
  bool alive = false;
  Scripted* filter = nullptr;
  const Client client = join_under(scripted({.made =
                                                 [&](Scripted& self) {
                                                   filter = &self;
                                                   self.tell_made();
                                                 },
                                             .flush =
                                                 [&](Scripted& self, Filter::Output& output) {
                                                   if (!told) return;
                                                   told = false;
                                                   other.wire().write(text_of(400000));
                                                   alive = self.transport().queued() != 0;
                                                   output.pass(output.size());
                                                 }}));
  ASSERT_TRUE(made(client));
  for (int i = 0; i < 4000 && other.wire().queued() == 0; ++i) {
    other.wire().write(text_of(16000));
    settle();
  }
  client.wire().write(text_of(450000));
  settle();
  ASSERT_FALSE(client.story->lost());
  told = true;
  filter->want_flush();
  settle();
  EXPECT_TRUE(alive);
  EXPECT_FALSE(client.story->lost());
  EXPECT_TRUE(other.story->lost());
}

// The room is one's own, whatever is read or passed before it is used.
TEST_P(FilterFlushes, RoomIsKeptWhileWhatWaitsIsLookedAt) {
  const Scripted::Script heading{.flush = [&](Scripted&, Filter::Output& output) {
    const std::span<char> room = output.room(20);
    std::memcpy(room.data(), "head:foot", 9);
    const std::string_view piece = output.pieces().front();
    output.put(5);
    output.put(piece.substr(0, 3));
    output.drop(3);
    output.put(output.pieces().front());
    output.drop(output.size());
    output.put(4);
    EXPECT_THROW(output.put(12), std::logic_error);
  }};
  const Client client = join_under(scripted(heading));
  ASSERT_TRUE(made(client));
  client.wire().send_file(file("contents"), 0, 8);
  ASSERT_TRUE(until([&] { return client.peer->received().size() >= 17; }));
  EXPECT_EQ(client.peer->received(), "head:contentsfoot");
}

// What a filter lets escape is its own, and not the file's that happens to come first.
TEST_P(FilterFlushes, AnErrorOfTheirOwnIsNotTheFiles) {
  int told = 0;
  reactor().on_error([&](std::exception_ptr) { ++told; });
  const Client client = join_under(scripted({.flush = [](Scripted&, Filter::Output&) {
    throw SocketError("decide", {}, std::make_error_code(std::errc::io_error));
  }}));
  ASSERT_TRUE(made(client));
  client.wire().send_file(file("contents"), 0, 8);
  ASSERT_TRUE(until([&] { return client.story->lost(); }));
  EXPECT_EQ(client.story->reason->kind(), Reason::Kind::handler);
  EXPECT_EQ(told, 1);
}

}  // namespace
}  // namespace parley::conformance
