#include "parley/line/terminator_receiver.h"

#include <charconv>

#include "parley/line/every_split_fixture.h"

namespace parley {
namespace {

// What is collected decides at each terminator: "N:" is followed by N bytes, "until X:" ends at X from then
// on.
class Collector : public TerminatorReceiver {
 public:
  Collector(StringTransport& transport, bool pauses) : notes(transport, pauses) { set_terminator(":"); }

  void collect_incoming_data(std::span<char> lent) override {
    collected.append(lent.data(), lent.size());
    std::fill(lent.begin(), lent.end(), 'X');
    pieces.note("", {lent.data(), lent.size()});
  }
  void found_terminator() override {
    const std::string data = std::exchange(collected, {});
    std::size_t count = 0;
    const bool number = std::from_chars(data.data(), data.data() + data.size(), count).ec == std::errc();
    notes.note(expects_ ? "counted " : "", data);
    if (expects_) {
      expects_ = false;
      set_terminator(":");
    } else if (data == "rest") {
      clear_terminator();
    } else if (number) {
      expects_ = true;
      set_terminator(count);
    } else if (data.starts_with("until ")) {
      set_terminator(std::string_view(data).substr(6));
    }
  }
  bool eof_received() override {
    const bool waits = TerminatorReceiver::eof_received();
    if (!waits) notes.events.push_back("end " + collected);
    return waits;
  }

  Notes notes;
  std::string collected;

 private:
  bool expects_ = false;
  StringTransport never_paused_;
  Notes pieces{never_paused_};
};

TEST(TerminatorReceiver, EverySplit) {
  expect_at_every_split<Collector>("one::pause:3:a:b0:x:ha",
                                   {"one", "", "pause", "3", "counted a:b", "0", "counted ", "x", "end ha"});
  expect_at_every_split<Collector>(
      "until aab:aaabpauseaabxaaabuntil :aab4:1234aa",
      {"until aab", "a", "pause", "xa", "until :", "4", "counted 1234", "end aa"});
  expect_at_every_split<Collector>("a:rest:x:y:z", {"a", "rest", "end x:y:z"});
  expect_at_every_split<Collector>("until \r\n.\r\n:a\r\n..\r\n.\r\r\n.\r\nb\r\n.\r",
                                   {"until \r\n.\r\n", "a\r\n..\r\n.\r", "end b\r\n.\r"});
}

TEST(TerminatorReceiver, NothingComesAfterAClose) {
  for (const std::string_view how : {"quit", "abort"}) {
    Connected<Collector> collector;
    collector.transport.receive("a:" + std::string(how) + ":more:");
    EXPECT_EQ(collector.events(), (Events{"a", std::string(how)}));
    EXPECT_EQ(collector.receiver.collected, "");
  }
}

// Pauses, closes or switches where data is collected.
class Interrupting : public TerminatorReceiver {
 public:
  Interrupting(StringTransport& transport, bool pauses) : notes(transport, pauses) { set_terminator("--"); }

  void collect_incoming_data(std::span<char> lent) override {
    notes.note("data ", {lent.data(), lent.size()});
    if (std::string_view(lent.data(), lent.size()) == "switch") set_terminator(2);
  }
  void found_terminator() override { notes.note("found", ""); }

  Notes notes;
};

TEST(TerminatorReceiver, CollectingMayPause) {
  Connected<Interrupting> it;
  it.transport.receive("pause--b--");
  EXPECT_EQ(it.events(), Events{"data pause"});
  it.resume();
  EXPECT_EQ(it.events(), (Events{"data pause", "found", "data b", "found"}));

  Connected<Interrupting> counted;
  counted.receiver.set_terminator(5);
  counted.transport.receive("pause");
  EXPECT_EQ(counted.events(), Events{"data pause"});
  counted.transport.receive_end();
  EXPECT_FALSE(counted.transport.closing());  // found_terminator is still due
  counted.resume();
  EXPECT_EQ(counted.events(), (Events{"data pause", "found"}));
  EXPECT_TRUE(counted.transport.closing());
}

TEST(TerminatorReceiver, CollectingMayCloseOrSwitch) {
  Connected<Interrupting> quit;
  quit.transport.receive("quit--b--");
  EXPECT_EQ(quit.events(), Events{"data quit"});
  Connected<Interrupting> switches;
  switches.transport.receive("switch--c");
  EXPECT_EQ(switches.events(), (Events{"data switch", "data --", "found", "data c"}));
}

TEST(TerminatorReceiver, OutsideACallbackASwitchHandlesWhatWaits) {
  Connected<Interrupting> it;
  it.transport.receive("a-");
  EXPECT_EQ(it.events(), Events{"data a"});  // the beginning of a terminator is no data yet
  it.receiver.set_terminator("-");
  EXPECT_EQ(it.events(), (Events{"data a", "found"}));
  it.receiver.set_terminator("-+");
  it.transport.receive("-");
  it.receiver.clear_terminator();
  EXPECT_EQ(it.events(), (Events{"data a", "found", "data -"}));
  it.receiver.set_terminator(0);
  EXPECT_EQ(it.events().back(), "found");
  it.transport.receive("b");
  EXPECT_EQ(it.events().back(), "data b");
}

TEST(TerminatorReceiver, PiecesAreLentAsTheyLie) {
  Connected<Interrupting> it;
  std::string lent = "abc--def";
  std::vector<const char*> places;
  it.receiver.notes.on_note = [&](std::string_view bytes) { places.push_back(bytes.data()); };
  it.receiver.data_received(lent);
  ASSERT_EQ(places.size(), 3U);
  EXPECT_EQ(places[0], lent.data());
  EXPECT_EQ(places[2], lent.data() + 5);
}

}  // namespace
}  // namespace parley
