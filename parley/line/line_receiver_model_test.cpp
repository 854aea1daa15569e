#include <algorithm>
#include <charconv>
#include <gtest/gtest.h>
#include <ostream>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "parley/line/line_receiver.h"
#include "parley/reactor/string_transport.h"

namespace parley {
namespace {

// A language in which the input itself says what the protocol does with it, so that what is delivered must
// not depend on how the input was split or when reading was allowed:
//   raw N   the next N bytes come raw
//   put     "p1", a line's end and "p2" come next
//   quit    the connection is closed
//   pause   reading is paused (and goes on when the test says so)
// A line that is too long is skipped; if it begins with "b", all but its first two bytes are given back.

using Events = std::vector<std::string>;

struct Case {
  LineSettings settings;
  std::string input;
};

std::ostream& operator<<(std::ostream& out, const Case& c) {
  return out << '"' << c.settings.delimiter << "\" " << c.settings.max_length << ": " << c.input;
}

std::string put_by(const LineSettings& settings) {
  return "p1" + std::string(settings.delimiter.empty() ? "\n" : settings.delimiter) + "p2";
}

std::size_t raw_count(std::string_view line) {
  std::size_t count = 0;
  if (line.starts_with("raw ")) std::from_chars(line.data() + 4, line.data() + line.size(), count);
  return count;
}

// What is delivered when everything comes at once: as plainly as it can be said.
Events expected(const Case& c) {
  Events events;
  std::string rest = c.input;
  const std::string delimiter(c.settings.delimiter.empty() ? "\n" : c.settings.delimiter);
  while (!rest.empty()) {
    const std::size_t end = rest.find(delimiter);
    std::string line = rest.substr(0, end);
    const std::size_t behind = end == rest.npos ? rest.size() : end + delimiter.size();
    if (end != rest.npos && c.settings.delimiter.empty() && line.ends_with('\r')) line.pop_back();
    if (line.size() > c.settings.max_length) {
      events.emplace_back("long");
      rest.erase(0, rest[0] == 'b' ? 2 : behind);
      continue;
    }
    rest.erase(0, behind);
    events.push_back("line " + line);
    if (const std::size_t count = raw_count(line); count > 0) {
      if (!rest.empty()) events.push_back("raw " + rest.substr(0, count));
      rest.erase(0, count);
    } else if (line == "put") {
      rest.insert(0, put_by(c.settings));
    } else if (line == "quit") {
      break;
    }
  }
  return events;
}

class Scripted : public LineReceiver {
 public:
  explicit Scripted(const LineSettings& settings, StringTransport& transport, bool pause_always)
      : LineReceiver(settings), settings_(settings), transport_(transport), pause_always_(pause_always) {}

  void line_received(std::string_view line) override {
    enter();
    events.push_back("line " + std::string(line));
    if ((raw_left_ = raw_count(line)) > 0) {
      set_raw_mode();
      raw_begins_ = true;
    } else if (line == "put") {
      const std::string bytes = put_by(settings_);
      set_line_mode(bytes);
    } else if (line == "quit") {
      transport_.lose_connection();
    } else if (line == "pause") {
      transport_.pause_reading();
    }
    leave();
  }

  void raw_data_received(std::span<char> lent) override {
    enter();
    if (raw_begins_) events.emplace_back("raw ");
    raw_begins_ = false;
    const std::size_t some = std::min(raw_left_, lent.size());
    events.back().append(lent.data(), some);
    std::fill_n(lent.begin(), some, 'X');
    raw_left_ -= some;
    if (raw_left_ == 0) give_back({lent.data() + some, lent.size() - some});
    leave();
  }

  void line_length_exceeded(std::string_view line) override {
    enter();
    EXPECT_GT(line.size(), settings_.max_length);
    events.emplace_back("long");
    if (line[0] == 'b') {
      give_back(line.substr(2));
    } else if (++ways_ % 2 == 0) {
      skip_line();
    }
    leave();
  }

  Events events;

 private:
  // In each of the ways in which it may be done.
  void give_back(std::string_view rest) {
    const std::size_t half = rest.size() / 2;
    switch (++ways_ % 4) {
      case 0:
      case 1:
        set_line_mode(rest);
        break;
      case 2:
        set_line_mode(std::string(rest));
        break;
      default: {
        set_line_mode(rest.substr(0, half));
        std::string second(rest.substr(half));
        data_received(second);
      }
    }
  }

  void enter() {
    EXPECT_TRUE(transport_.reading());
    EXPECT_FALSE(inside_);  // nothing recurses
    inside_ = true;
  }
  void leave() {
    inside_ = false;
    if (pause_always_) transport_.pause_reading();
  }

  const LineSettings settings_;
  StringTransport& transport_;
  const bool pause_always_;
  bool inside_ = false;
  std::size_t raw_left_ = 0;
  bool raw_begins_ = false;
  int ways_ = 0;
};

// Gives the input split at `cuts`; between the pieces reading goes on again, as often as the test likes.
template <class MayResume>
Events delivered(const Case& c, const std::vector<std::size_t>& cuts, bool pause_always,
                 const MayResume& may_resume) {
  StringTransport transport;
  Scripted lines(c.settings, transport, pause_always);
  transport.connect(lines);
  std::size_t at = 0;
  for (const std::size_t cut : cuts) {
    transport.receive(std::string_view(c.input).substr(at, cut - at));
    at = cut;
    while (!transport.reading() && !transport.closing() && may_resume()) {
      transport.resume_reading();
      transport.turn();
    }
  }
  transport.receive(std::string_view(c.input).substr(at));
  transport.receive_end();
  for (std::size_t turns = 2 * c.input.size() + 100; turns > 0 && !transport.closing(); --turns) {
    transport.resume_reading();
    transport.turn();
  }
  EXPECT_TRUE(transport.closing());
  return lines.events;
}

bool always() {
  return true;
}

bool never() {
  return false;
}

const std::vector<Case>& cases() {
  static const std::vector<Case> all = {
      {{}, "one\r\ntwo\n\n\r\r\nlast"},
      {{}, "a\npause\nb\npause\nc\nquit\nd"},
      {{}, "raw 5\nab\r\ncput\nx\nraw 3\r\nab"},
      {{.max_length = 5}, "12345\r\n123456\r\n1234\r\r\n12345\r"},
      {{.max_length = 5}, "too long to be a line\nb123456\npause\nx\n"},
      {{.max_length = 1}, "\nx\r\nxy\n\n"},
      {{.delimiter = "\r\n"}, "one\r\r\ntw\no\r\n\r\nput\r\nlast\r"},
      {{.delimiter = "\r\n", .max_length = 5}, "raw 4\r\n\r\n\r\n12345\r\n12345\r\r\nx\r\n123456\r"},
      {{.delimiter = "aab", .max_length = 5}, "aaabaaabpauseaab1234aaab123aaaabaab1aaraw 2aabaabx"},
      {{.delimiter = "\n"}, "one\r\ntwo\n"},
  };
  return all;
}

TEST(LineReceiverModel, TheModelIsNotTrivial) {
  EXPECT_EQ(expected(cases()[2]),
            (Events{"line raw 5", "raw ab\r\nc", "line put", "line p1", "line p2x", "line raw 3", "raw ab"}));
  EXPECT_EQ(expected(cases()[4]), (Events{"long", "long", "line 23456", "line pause", "line x"}));
}

TEST(LineReceiverModel, EverySplitDeliversTheSame) {
  for (const Case& c : cases()) {
    SCOPED_TRACE(testing::Message() << c);
    const Events whole = expected(c);
    const std::size_t size = c.input.size();
    std::vector<std::size_t> bytes;
    for (std::size_t i = 1; i < size; ++i) bytes.push_back(i);
    for (const bool pause_always : {false, true}) {
      for (const auto& may_resume : {always, never}) {
        ASSERT_EQ(delivered(c, bytes, pause_always, may_resume), whole);
        for (std::size_t i = 0; i <= size; ++i) {
          for (std::size_t j = i; j <= size; ++j) {
            ASSERT_EQ(delivered(c, {i, j}, pause_always, may_resume), whole) << i << ' ' << j;
          }
        }
      }
    }
  }
}

TEST(LineReceiverModel, RandomInputsAgree) {
  for (unsigned seed = 0; seed < 3000; ++seed) {
    std::mt19937 random(seed);
    const auto below = [&random](std::size_t n) {
      return std::uniform_int_distribution<std::size_t>(0, n - 1)(random);
    };
    static constexpr std::string_view delimiters[] = {"", "", "\n", "\r\n", "aab", "<end>"};
    Case c{{.delimiter = delimiters[below(6)], .max_length = static_cast<std::uint32_t>(6 + below(8))}, {}};
    const std::string end(c.settings.delimiter.empty() ? "\n" : c.settings.delimiter);
    for (std::size_t tokens = below(60); tokens > 0; --tokens) {
      switch (below(10)) {
        case 0:
          c.input += "raw " + std::to_string(below(20)) + end;
          break;
        case 1:
          c.input += (below(2) == 0 ? "pause" : "put") + end;
          break;
        case 2:
          c.input += end.substr(0, below(end.size() + 1));
          break;
        case 3:
          c.input += '\r';
          break;
        case 4:
          c.input += std::string(below(30), "ab"[below(2)]);
          break;
        case 5:
          c.input += below(20) == 0 ? end + "quit" + end : "q";
          break;
        default:
          c.input += std::string(below(8), 'x') + (below(3) == 0 ? "\r" : "") + end;
      }
    }
    SCOPED_TRACE(testing::Message() << seed << ' ' << c);
    const Events whole = expected(c);
    for (int round = 0; round < 5; ++round) {
      std::vector<std::size_t> cuts;
      const std::size_t step = 1 + below(20);
      for (std::size_t at = below(step); at < c.input.size(); at += below(step + 1)) cuts.push_back(at);
      ASSERT_EQ(delivered(c, cuts, below(2) == 0, [&] { return below(3) > 0; }), whole);
    }
  }
}

}  // namespace
}  // namespace parley
