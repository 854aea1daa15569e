#include "parley/line/line_receiver.h"

#include <functional>
#include <gtest/gtest.h>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "parley/reactor/filter.h"
#include "parley/reactor/string_transport.h"

namespace parley {
namespace {

static_assert(sizeof(LineReceiver) <= 40);

using Events = std::vector<std::string>;

// Writes down what it is given; what it does then is the test's.
class Lines : public LineReceiver {
 public:
  explicit Lines(const LineSettings& settings = {}) : LineReceiver(settings) { transport.connect(*this); }

  void line_received(std::string_view line) override {
    EXPECT_TRUE(transport.reading());
    events.emplace_back(line);
    if (on_line) on_line(line);
  }
  void raw_data_received(std::span<char> lent) override {
    EXPECT_TRUE(transport.reading());
    events.push_back("raw " + std::string(lent.data(), lent.size()));
    if (on_raw) on_raw({lent.data(), lent.size()});
  }
  void line_length_exceeded(std::string_view line) override {
    EXPECT_TRUE(transport.reading());
    events.push_back("long " + std::string(line));
    on_long ? on_long(line) : LineReceiver::line_length_exceeded(line);
  }
  using LineReceiver::skip_line;

  // Allows reading again, as often as it is forbidden, up to `turns` times.
  void resume(int turns = 1000) {
    for (; turns > 0 && !transport.reading() && !transport.closing(); --turns) {
      transport.resume_reading();
      transport.turn();
    }
  }

  StringTransport transport;
  Events events;
  std::function<void(std::string_view)> on_line, on_raw, on_long;
};

TEST(LineReceiver, LinesEndInNewlineOrBoth) {
  Lines lines;
  lines.transport.receive("one\ntwo\r\n\n\r\n\rthree\r\r\nfour");
  EXPECT_EQ(lines.events, (Events{"one", "two", "", "", "\rthree\r"}));
  lines.transport.receive("\r");
  lines.transport.receive("\nfive\n");
  EXPECT_EQ(lines.events, (Events{"one", "two", "", "", "\rthree\r", "four", "five"}));
}

TEST(LineReceiver, AGivenDelimiterIsTakenExactly) {
  Lines newline({.delimiter = "\n"});
  newline.transport.receive("one\r\ntwo\n");
  EXPECT_EQ(newline.events, (Events{"one\r", "two"}));
  Lines both({.delimiter = "\r\n"});
  both.transport.receive("one\ntwo\r\r\n\r\n");
  EXPECT_EQ(both.events, (Events{"one\ntwo\r", ""}));
  Lines zero({.delimiter = std::string_view("\0", 1)});
  zero.transport.receive(std::string_view("one\0\0two", 8));
  EXPECT_EQ(zero.events, (Events{"one", ""}));
  Lines overlapping({.delimiter = "aba"});
  overlapping.transport.receive("1ababa2abaab");
  overlapping.transport.receive("xaab");
  overlapping.transport.receive("a");
  EXPECT_EQ(overlapping.events, (Events{"1", "ba2", "abxa"}));
}

TEST(LineReceiver, SendsWithTheEnd) {
  Lines lines;
  lines.send_line("hello");
  EXPECT_EQ(lines.transport.written(), "hello\r\n");
  Lines other({.delimiter = "\n"});
  other.send_line("");
  EXPECT_EQ(other.transport.written(), "\n");
}

TEST(LineReceiver, LinesAreCutFromTheLentBytesWithoutACopy) {
  Lines lines;
  std::string lent = "begins";
  lines.data_received(lent);
  std::string more = " here\none\ntwo\nrest";
  std::vector<const char*> places;
  lines.on_line = [&](std::string_view line) { places.push_back(line.data()); };
  lines.data_received(more);
  ASSERT_EQ(lines.events, (Events{"begins here", "one", "two"}));
  EXPECT_EQ(places[1], more.data() + 6);
  EXPECT_EQ(places[2], more.data() + 10);
}

TEST(LineReceiver, AnEmptySpanIsNothing) {
  Lines lines;
  lines.data_received({});
  lines.transport.receive("a");
  lines.data_received({});
  lines.transport.receive("b\n");
  EXPECT_EQ(lines.events, Events{"ab"});
}

TEST(LineReceiver, WhatHasNoEndIsALineAtTheEndOfInput) {
  Lines lines;
  lines.transport.receive("one\ntwo\r");
  lines.transport.receive_end();
  EXPECT_EQ(lines.events, (Events{"one", "two\r"}));
  EXPECT_TRUE(lines.transport.closing());

  Lines nothing;
  nothing.transport.receive("one\n");
  nothing.transport.receive_end();
  EXPECT_EQ(nothing.events, Events{"one"});
  EXPECT_TRUE(nothing.transport.closing());

  Lines skipped({.max_length = 3});
  skipped.on_long = [&](std::string_view) { skipped.skip_line(); };
  skipped.transport.receive("12345");
  skipped.transport.receive_end();
  EXPECT_EQ(skipped.events, Events{"long 12345"});
}

TEST(LineReceiver, APausedOneKeepsTheRest) {
  Lines lines;
  lines.on_line = [&](std::string_view) { lines.transport.pause_reading(); };
  lines.transport.receive("one\ntwo\nthree\nfo");
  EXPECT_EQ(lines.events, Events{"one"});
  lines.data_received({});
  std::string pushed = "ur\nfi";  // nobody should, and nothing is lost
  lines.data_received(pushed);
  EXPECT_EQ(lines.events, Events{"one"});
  lines.resume(1);
  EXPECT_EQ(lines.events, (Events{"one", "two"}));
  lines.set_line_mode();  // handles nothing while reading is not allowed
  lines.set_raw_mode();
  EXPECT_EQ(lines.events, (Events{"one", "two"}));
  lines.set_line_mode();
  lines.resume();
  EXPECT_EQ(lines.events, (Events{"one", "two", "three", "four"}));
  lines.transport.receive("ve\n");
  EXPECT_EQ(lines.events.back(), "five");
}

TEST(LineReceiver, AtTheEndOfInputAPausedOneClosesWhenAllIsDelivered) {
  Lines lines;
  lines.on_line = [&](std::string_view line) {
    lines.transport.pause_reading();
    lines.send_line(line);  // still possible: the connection is kept
  };
  lines.transport.receive("one\ntwo\nthree");
  lines.transport.receive_end();
  EXPECT_FALSE(lines.transport.closing());
  lines.resume(1);
  EXPECT_EQ(lines.events, (Events{"one", "two"}));
  EXPECT_FALSE(lines.transport.closing());
  lines.resume(1);
  EXPECT_EQ(lines.events, (Events{"one", "two", "three"}));
  EXPECT_TRUE(lines.transport.closing());
  EXPECT_EQ(lines.transport.written(), "one\r\ntwo\r\nthree\r\n");
}

TEST(LineReceiver, AtTheEndOfInputASwitchFromOutsideMayDeliverTheLast) {
  Lines lines;
  lines.on_line = [&](std::string_view) { lines.transport.pause_reading(); };
  lines.transport.receive("one\ntwo");
  lines.transport.receive_end();
  lines.on_line = nullptr;
  lines.transport.resume_reading();
  EXPECT_FALSE(lines.transport.reading());  // not before the loop has said so
  lines.set_raw_mode();
  EXPECT_FALSE(lines.transport.closing());
  lines.transport.turn();
  EXPECT_EQ(lines.events, (Events{"one", "raw two"}));
  EXPECT_TRUE(lines.transport.closing());
}

TEST(LineReceiver, AtTheEndOfInputOneWhoseRestIsTakenClosesToo) {
  for (const bool filtered : {false, true}) {
    Lines lines;
    lines.on_line = [&](std::string_view) { lines.transport.pause_reading(); };
    lines.transport.receive("one\ntwo\nthree");
    lines.transport.receive_end();
    lines.on_line = nullptr;
    const std::string rest = lines.take_rest();
    EXPECT_EQ(rest, "two\nthree");
    if (filtered) lines.transport.insert(std::make_unique<Filter>(), rest);
    lines.transport.turn();
    EXPECT_FALSE(lines.transport.closing());
    lines.transport.resume_reading();
    lines.transport.turn();
    EXPECT_EQ(lines.events, (filtered ? Events{"one", "two", "three"} : Events{"one"}));
    EXPECT_TRUE(lines.transport.closing());
  }
}

// One that keeps its own direction open after the peer's end.
class HalfClosed : public Lines {
 public:
  bool eof_received() override {
    if (Lines::eof_received()) return true;
    events.emplace_back("end");
    return true;
  }
};

TEST(LineReceiver, ADerivedOneMayStayOpenAfterTheEndOfInput) {
  HalfClosed lines;
  lines.on_line = [&](std::string_view) { lines.transport.pause_reading(); };
  lines.transport.receive("one\ntwo");
  lines.transport.receive_end();
  EXPECT_EQ(lines.events, Events{"one"});
  lines.resume();
  EXPECT_EQ(lines.events, (Events{"one", "two", "end"}));
  EXPECT_FALSE(lines.transport.closing());
}

TEST(LineReceiver, NothingComesAfterAClose) {
  for (const bool abort : {false, true}) {
    Lines lines;
    lines.on_line = [&](std::string_view line) {
      if (line != "quit") return;
      abort ? lines.transport.abort_connection() : lines.transport.lose_connection();
    };
    lines.transport.receive("one\nquit\ntwo\nthree");
    lines.set_line_mode("four\n");
    lines.set_raw_mode();
    lines.transport.resume_reading();
    lines.transport.turn();
    EXPECT_EQ(lines.events, (Events{"one", "quit"}));
  }
}

TEST(LineReceiver, RawModeTakesWhatFollows) {
  Lines lines;
  lines.on_line = [&](std::string_view line) {
    if (line == "raw") lines.set_raw_mode();
  };
  lines.transport.receive("one\nraw\ntwo\nthr");
  lines.transport.receive("ee\n");
  EXPECT_EQ(lines.events, (Events{"one", "raw", "raw two\nthr", "raw ee\n"}));
  lines.set_line_mode();
  lines.transport.receive("four\n");
  EXPECT_EQ(lines.events.back(), "four");
}

TEST(LineReceiver, TheRestOfRawDataIsGivenBackWithoutACopy) {
  Lines lines;
  const char* place = nullptr;
  lines.on_line = [&](std::string_view line) {
    place = line.data();
    if (line == "raw") lines.set_raw_mode();
  };
  lines.on_raw = [&](std::string_view data) { lines.set_line_mode(data.substr(3)); };
  std::string lent = "raw\n123one\nraw\n456two\n";
  lines.data_received(lent);
  EXPECT_EQ(lines.events, (Events{"raw", "raw 123one\nraw\n456two\n", "one", "raw", "raw 456two\n", "two"}));
  EXPECT_EQ(place, lent.data() + 18);
}

TEST(LineReceiver, WhatACallbackPutsComesNextInItsOrder) {
  Lines lines;
  lines.on_line = [&](std::string_view line) {
    if (line != "put") return;
    std::string rest = "a\nb";
    lines.set_line_mode(rest);
    std::string more = "c\nd";  // as a filter would that learns of more bytes in a callback
    lines.data_received(more);
    EXPECT_EQ(lines.events.back(), "put");  // no recursion
  };
  lines.transport.receive("put\ne\nf");
  lines.transport.receive("g\n");
  EXPECT_EQ(lines.events, (Events{"put", "a", "bc", "de", "fg"}));

  Lines raw;
  raw.set_raw_mode();
  raw.on_raw = [&](std::string_view data) {
    raw.set_line_mode(data.substr(2));  // given back as it is, until something must follow it
    raw.set_line_mode("x\n");
  };
  raw.transport.receive("12ab");
  EXPECT_EQ(raw.events, (Events{"raw 12ab", "abx"}));
}

TEST(LineReceiver, OutsideACallbackTheRestIsHandledAtOnce) {
  Lines lines;
  lines.transport.receive("begun");
  lines.set_raw_mode();
  EXPECT_EQ(lines.events, Events{"raw begun"});
  lines.set_line_mode("one\ntw");
  EXPECT_EQ(lines.events, (Events{"raw begun", "one"}));
  lines.transport.receive("o\n");
  EXPECT_EQ(lines.events.back(), "two");

  lines.transport.pause_reading();
  lines.set_line_mode("three\nfo");
  lines.set_line_mode("before ");
  EXPECT_EQ(lines.events.back(), "two");
  lines.resume();
  EXPECT_EQ(lines.events.back(), "before three");
}

TEST(LineReceiver, ExactlyTheLimitIsFine) {
  for (const std::string_view input : {"1234\n", "1234\r\n", "1234", "\r\r\r\r\r\n", "1\r34\r\n"}) {
    for (std::size_t split = 0; split <= input.size(); ++split) {
      Lines lines({.max_length = 4});
      lines.transport.receive(input.substr(0, split));
      lines.transport.receive(input.substr(split));
      lines.transport.receive_end();
      ASSERT_EQ(lines.events.size(), 1U) << input << split;
      EXPECT_EQ(lines.events[0], input.substr(0, 4)) << split;
    }
  }
  for (const std::string_view input : {"12345\n", "1234\r\r\n", "12345", "1234\r"}) {
    for (std::size_t split = 0; split <= input.size(); ++split) {
      Lines lines({.max_length = 4});
      lines.transport.receive(input.substr(0, split));
      if (!lines.transport.closing()) lines.transport.receive(input.substr(split));
      lines.transport.receive_end();
      ASSERT_EQ(lines.events.size(), 1U) << input << split;
      EXPECT_TRUE(lines.events[0].starts_with("long 1234")) << split;
      EXPECT_TRUE(lines.transport.closing());
    }
  }
}

TEST(LineReceiver, TheLimitDoesNotCountADelimiterThatHasBegun) {
  Lines lines({.delimiter = "<end>", .max_length = 4});
  lines.on_long = [&](std::string_view) { lines.skip_line(); };
  for (const char c : std::string("1234<end>123<e<end>1234<en5<end><en<end>12345<end>")) {
    lines.transport.receive({&c, 1});
  }
  EXPECT_EQ(lines.events, (Events{"1234", "long 123<e<", "long 1234<en5", "<en", "long 12345"}));
}

TEST(LineReceiver, AnOverlongLineLosesTheConnection) {
  Lines lines({.max_length = 4});
  lines.transport.receive("ok\nmuch too long\nnever\n");
  EXPECT_EQ(lines.events, (Events{"ok", "long much too long\nnever\n"}));
  EXPECT_TRUE(lines.transport.closing());
}

TEST(LineReceiver, TheHookIsToldWhatFollowsAlsoBehindAKeptLine) {
  Lines lines({.max_length = 4});
  lines.transport.receive("123");
  lines.transport.receive("456\nmore\n");
  EXPECT_EQ(lines.events, Events{"long 123456\nmore\n"});
}

TEST(LineReceiver, ASkippedLineIsToldOnceAndDropped) {
  for (const bool chosen : {true, false}) {  // skipping is also what happens when nothing is chosen
    Lines lines({.max_length = 4});
    lines.on_long = [&](std::string_view) {
      if (chosen) lines.skip_line();
    };
    lines.transport.receive("12345\none\n");
    lines.transport.receive("123456789");
    lines.transport.receive("123456789123456789");
    lines.transport.receive("1\r\ntwo\n");
    EXPECT_EQ(lines.events, (Events{"long 12345\none\n", "one", "long 123456789", "two"}));
  }
}

TEST(LineReceiver, TheHookMayTakeTheBytesAsRawOrGiveSomeBack) {
  Lines raw({.max_length = 4});
  raw.on_long = [&](std::string_view) { raw.set_raw_mode(); };
  raw.transport.receive("12345\n67");
  raw.transport.receive("89");
  EXPECT_EQ(raw.events, (Events{"long 12345\n67", "raw 89"}));

  Lines back({.max_length = 4});
  back.on_long = [&](std::string_view line) { back.set_line_mode(line.substr(4)); };
  back.transport.receive("123456789\n");
  EXPECT_EQ(back.events, (Events{"long 123456789\n", "long 56789\n", "9"}));

  Lines both({.max_length = 4});
  both.on_long = [&](std::string_view) {
    both.set_raw_mode();
    both.skip_line();
  };
  both.transport.receive("12345");
  both.transport.receive("67\nraw");
  EXPECT_EQ(both.events, (Events{"long 12345", "raw raw"}));
}

TEST(LineReceiver, PausingInTheHookSkipsAndWaits) {
  Lines lines({.max_length = 4});
  lines.on_long = [&](std::string_view) { lines.transport.pause_reading(); };
  lines.transport.receive("12345\none\ntw");
  EXPECT_EQ(lines.events.size(), 1U);
  lines.resume();
  EXPECT_EQ(lines.events, (Events{"long 12345\none\ntw", "one"}));
}

TEST(LineReceiver, AFewBytesDoNotHoldALargeBlock) {
  Lines lines;
  std::vector<const char*> places;
  lines.on_line = [&](std::string_view line) {
    places.push_back(line.data());
    lines.transport.pause_reading();
  };
  std::string lent = "one\n" + std::string(10000, 'x') + "\nrest";
  lines.data_received(lent);
  lines.resume(2);
  lines.transport.receive_end();
  ASSERT_EQ(places.size(), 3U);  // the second was kept in a block of its own, and the third is not in there
  EXPECT_TRUE(places[2] < places[1] || places[2] > places[1] + 10001);
}

TEST(LineReceiver, AnExceptionPassesAndNothingIsLeftBehind) {
  Lines lines;
  lines.on_line = [](std::string_view line) {
    if (line == "throw") throw std::runtime_error("a handler's");
  };
  EXPECT_THROW(lines.transport.receive("throw\ndropped\n"), std::runtime_error);
  lines.transport.receive("begun");
  EXPECT_THROW(lines.transport.receive("\nthrow\ndropped\n"), std::runtime_error);
  lines.transport.receive("one\n");
  EXPECT_EQ(lines.events, (Events{"throw", "begun", "throw", "one"}));
}

// STARTTLS: what came behind the line goes through the filter, at every split, and none of it is a line in
// clear.
TEST(LineReceiver, TheRestIsHandedToAFilterThatIsPutUnderIt) {
  // Lower case above, and capitals on the wire.
  class Shouting final : public Filter {
    void data_received(std::span<char> lent) override {
      for (char& c : lent) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
      Filter::data_received(lent);
    }
  };
  const std::string all = "clear\nSTART\nINSIDE\nAND MORE\n";
  for (const bool dropped : {false, true}) {
    for (std::size_t first = 0; first <= all.size(); ++first) {
      Lines lines;
      lines.on_line = [&](std::string_view line) {
        if (line != "START") return;
        const std::string rest = lines.take_rest();
        lines.transport.insert(std::make_unique<Shouting>(), dropped ? std::string_view() : rest);
      };
      lines.transport.receive(all.substr(0, first));
      lines.transport.receive(all.substr(first));
      lines.transport.turn();
      Events expected{"clear", "START", "inside", "and more"};
      if (dropped) {  // what had come in the same piece is gone
        const std::string later = first >= 12 ? all.substr(first) : "";
        expected.resize(2);
        std::string line;
        for (const char c : later) {
          if (c != '\n') {
            line += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
            continue;
          }
          expected.push_back(line);
          line.clear();
        }
      }
      EXPECT_EQ(lines.events, expected) << first;
    }
  }
}

}  // namespace
}  // namespace parley
