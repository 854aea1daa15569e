#include "parley/line/line_only_receiver.h"

#include <stdexcept>

#include "parley/line/every_split_fixture.h"

namespace parley {
namespace {

static_assert(sizeof(LineOnlyReceiver) <= 40);

class Lines : public LineOnlyReceiver {
 public:
  Lines(StringTransport& transport, bool pauses, const LineSettings& settings = {.max_length = 5})
      : LineOnlyReceiver(settings), notes(transport, pauses) {}

  void line_received(std::string_view line) override { notes.note("", line); }
  void line_length_exceeded(std::string_view begin) override {
    notes.note("long ", begin);
    if (loses) LineOnlyReceiver::line_length_exceeded(begin);
  }

  Notes notes;
  bool loses = false;
};

class ExactLines : public Lines {
 public:
  ExactLines(StringTransport& t, bool pauses) : Lines(t, pauses, {.delimiter = "\r\n", .max_length = 5}) {}
};

class OverlappingLines : public Lines {
 public:
  OverlappingLines(StringTransport& t, bool pauses)
      : Lines(t, pauses, {.delimiter = "aab", .max_length = 5}) {}
};

TEST(LineOnlyReceiver, EverySplit) {
  expect_at_every_split<Lines>("one\r\ntwo\n\npause\nx\r\r\nlast",
                               {"one", "two", "", "pause", "x\r", "last"});
  expect_at_every_split<Lines>("a\nquit\nnever\n", {"a", "quit"});
  expect_at_every_split<Lines>("a\nabort\nnever\n", {"a", "abort"});
  expect_at_every_split<Lines>("12345\r\n123456\r\n1234\r\r\n12345\r",
                               {"12345", "long 12345", "1234\r", "long 12345"});
  expect_at_every_split<ExactLines>("o\n\r\r\n12345\r\n12345\r\r\n\r\nx\r",
                                    {"o\n\r", "12345", "long 12345", "", "x\r"});
  expect_at_every_split<OverlappingLines>("aaabaab1234aaab12345aaaabxaa",
                                          {"a", "", "1234a", "long 12345", "xaa"});
}

TEST(LineOnlyReceiver, AnOverlongLineLosesTheConnection) {
  Connected<Lines> lines;
  lines.receiver.loses = true;
  lines.transport.receive("ok\n1234567");
  EXPECT_EQ(lines.events(), (Events{"ok", "long 12345"}));
  EXPECT_TRUE(lines.transport.closing());
}

TEST(LineOnlyReceiver, SendsWithTheEnd) {
  Connected<Lines> lines;
  lines.receiver.send_line("hello");
  EXPECT_EQ(lines.transport.written(), "hello\r\n");
  Connected<OverlappingLines> other;
  other.receiver.send_line("");
  EXPECT_EQ(other.transport.written(), "aab");
}

TEST(LineOnlyReceiver, LinesAreCutWhereTheyLie) {
  Connected<Lines> lines;
  lines.transport.receive("be");
  std::string more = "gin\none\n";
  const char* place = nullptr;
  lines.receiver.notes.on_note = [&](std::string_view line) { place = line.data(); };
  lines.receiver.data_received(more);
  EXPECT_EQ(lines.events(), (Events{"begin", "one"}));
  EXPECT_EQ(place, more.data() + 4);
}

TEST(LineOnlyReceiver, AnExceptionPassesAndNothingIsLeftBehind) {
  Connected<Lines> lines;
  lines.receiver.notes.on_note = [](std::string_view line) {
    if (line == "throw") throw std::runtime_error("a handler's");
  };
  EXPECT_THROW(lines.transport.receive("throw\ndropped\n"), std::runtime_error);
  lines.transport.receive("thr");
  EXPECT_THROW(lines.transport.receive("ow\ndropped\n"), std::runtime_error);
}

}  // namespace
}  // namespace parley
