// Each way of reading a stream, over every split of what comes.

#include "parley/stream/reading.h"

#include <gtest/gtest.h>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "parley/reactor/string_transport.h"
#include "parley/stream/stream_fixture.h"

namespace parley {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t no_limit = static_cast<std::size_t>(-1);

// One stream, whose peer the test plays, and one task that uses it.
struct Wire {
  Wire() : protocol(stream_protocol([this](Stream made) { stream = std::move(made); })) {
    transport.connect(*protocol);
  }
  ~Wire() {
    if (stream) transport.lose(Reason(Reason::Kind::aborted));
  }
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;

  // Sends the text in pieces of that size; answers how much was sent when the task was done.
  std::size_t send(std::string_view text, std::size_t piece, const Running<>& task) {
    std::size_t sent = 0;
    while (sent < text.size() && !task.done()) {
      transport.receive(text.substr(sent, piece));
      sent = std::min(sent + piece, text.size());
    }
    return sent;
  }

  Stream stream;
  std::unique_ptr<Protocol> protocol;
  StringTransport transport;
};

class ReadingTest : public testing_stream::StreamFixture {
 protected:
  template <class Body>
  Running<> begin(const Body& body) {
    Running<> running = spawn(reactor, body());
    turns(1);
    return running;
  }
  // Sends the text in every size of pieces, and then the end, to a task that `read` makes of the stream;
  // each time it must answer this, once so many bytes have come (0: the end).
  template <class Read>
  void expect(std::string_view text, const Read& read, const std::string& answer, std::size_t after) {
    for (std::size_t piece = 1; piece <= text.size(); ++piece) {
      Wire wire;
      std::string seen;
      const auto body = [&]() -> Task<> {
        try {
          seen = co_await read(wire.stream);
        } catch (const LimitExceeded&) {
          seen = "<limit>";
        } catch (const IncompleteRead& error) {
          seen = "<only " + error.partial() + ">";
        }
      };
      const Running<> running = begin(body);
      const std::size_t sent = wire.send(text, piece, running);
      if (after == 0) {
        EXPECT_FALSE(running.done()) << text << " in pieces of " << piece;
        wire.transport.receive_end();
      } else {
        EXPECT_EQ(sent, std::min(text.size(), (after + piece - 1) / piece * piece))
            << text << " in pieces of " << piece;
      }
      EXPECT_TRUE(running.done()) << text << " in pieces of " << piece;
      EXPECT_EQ(seen, answer) << text << " in pieces of " << piece;
    }
  }
};

Task<std::string> line_of_4(Stream& stream) {
  const auto line = co_await stream.read_line(4);
  co_return line ? std::string(*line) : "<end>";
}

TEST_F(ReadingTest, ALineReportsItsLimitAsSoonAsItIsPassed) {
  expect("1234\n", line_of_4, "1234", 5);
  expect("1234\r\n", line_of_4, "1234", 6);
  expect("123\r\r\n", line_of_4, "123\r", 6);
  expect("\r\n", line_of_4, "", 2);
  expect("12345\n", line_of_4, "<limit>", 5);
  expect("12345\r\n", line_of_4, "<limit>", 5);
  expect("123456789", line_of_4, "<limit>", 5);
  expect("1234\r5\n", line_of_4, "<limit>", 6);
  expect("1234\r\r\n", line_of_4, "<limit>", 6);
  expect("1234", line_of_4, "1234", 0);
  expect("1234\r", line_of_4, "<limit>", 0);
}

TEST_F(ReadingTest, AnEndReportsItsLimitAsSoonAsItIsPassed) {
  const auto until = [](Stream& stream) -> Task<std::string> {
    const std::string_view found = co_await stream.read_until("\r\n\r\n", 8);
    co_return std::string(found);
  };
  expect("1234\r\n\r\n", until, "1234\r\n\r\n", 8);
  expect("\r\r\n\r\r\n\r\n", until, "\r\r\n\r\r\n\r\n", 8);
  expect("x\r\r\n\r\r\n\r\n", until, "<limit>", 9);
  expect("12345\r\n\r\n", until, "<limit>", 9);
  expect("123456789012345", until, "<limit>", 9);
  expect("12345678", until, "<only 12345678>", 0);
  const auto one = [](Stream& stream) -> Task<std::string> {
    const std::string_view found = co_await stream.read_until(";", 1);
    co_return std::string(found);
  };
  expect(";x", one, ";", 1);
  expect("x;", one, "<limit>", 2);
}

TEST_F(ReadingTest, ALimitThatLetsNothingPassIsRefused) {
  Wire wire;
  std::vector<std::string> said;
  const auto body = [&]() -> Task<> {
    try {
      co_await wire.stream.read_line(0);
    } catch (const std::invalid_argument& error) {
      said.emplace_back(error.what());
    }
    try {
      co_await wire.stream.read_until(";", 0);
    } catch (const std::invalid_argument& error) {
      said.emplace_back(error.what());
    }
  };
  EXPECT_TRUE(begin(body).done());
  EXPECT_EQ(said, (std::vector<std::string>{"read_line: a limit of 0 bytes lets nothing pass",
                                            "read_until: a limit of 0 bytes lets nothing pass"}));
}

TEST_F(ReadingTest, ALimitThatIsNoneIsNeverPassed) {
  const auto line = [](Stream& stream) -> Task<std::string> {
    const auto found = co_await stream.read_line(no_limit);
    co_return std::string(*found);
  };
  expect("some line\r\n", line, "some line", 11);
  const auto until = [](Stream& stream) -> Task<std::string> {
    const std::string_view found = co_await stream.read_until("--", no_limit);
    co_return std::string(found);
  };
  expect("a-b--", until, "a-b--", 5);
}

TEST_F(ReadingTest, WhatWasTooLongCanBeReadStill) {
  Wire wire;
  const auto body = [&]() -> Task<> {
    const auto line = co_await as_result(wire.stream.read_line(4));
    EXPECT_EQ(line.error().code(), StreamErrc::limit_exceeded);
    const auto until = co_await as_result(wire.stream.read_until(";", 4));
    EXPECT_EQ(until.error().code(), StreamErrc::limit_exceeded);
    const auto all = co_await wire.stream.read();
    EXPECT_EQ(*all, "12345");
  };
  const Running<> running = begin(body);
  wire.transport.receive("12345");
  EXPECT_TRUE(running.done());
}

// A parser as it would be written over `fill`: a length in decimal, ':', and so many bytes.
Task<std::vector<std::string>> netstrings(Stream& stream) {
  std::vector<std::string> all;
  for (;;) {
    std::size_t length = 0;
    std::size_t seen = 0;
    bool whole = false;
    while (!whole) {
      const std::string_view head = co_await stream.fill(seen + 1);
      if (head.size() <= seen) co_return all;  // the end
      for (; seen < head.size() && !whole; ++seen) {
        if (head[seen] == ':') {
          whole = true;
        } else {
          length = length * 10 + static_cast<std::size_t>(head[seen] - '0');
        }
      }
    }
    const std::string_view shown = co_await stream.fill(seen + length);
    if (shown.size() < seen + length) {
      all.emplace_back("<only " + std::string(shown) + ">");
      co_return all;
    }
    const std::string_view text = shown.substr(seen, length);
    stream.consume(seen + length);
    all.emplace_back(text);  // it is there still
  }
}

TEST_F(ReadingTest, AParserLooksAsksForMoreAndTakesWhatItHasUnderstood) {
  const std::string text = "5:hello0:12:more, longer3:abc7:only";
  for (std::size_t piece = 1; piece <= text.size(); ++piece) {
    Wire wire;
    std::vector<std::string> seen;
    const auto body = [&]() -> Task<> { seen = co_await netstrings(wire.stream); };
    const Running<> running = begin(body);
    wire.send(text, piece, running);
    EXPECT_FALSE(running.done());
    wire.transport.receive_end();
    EXPECT_TRUE(running.done());
    EXPECT_EQ(seen, (std::vector<std::string>{"hello", "", "more, longer", "abc", "<only 7:only>"})) << piece;
  }
}

TEST_F(ReadingTest, FillShowsEverythingAndTakesNothing) {
  Wire wire;
  const auto body = [&]() -> Task<> {
    const auto nothing = co_await wire.stream.fill(0);
    EXPECT_EQ(nothing, "");
    const auto first = co_await wire.stream.fill();
    EXPECT_EQ(first, "abc");
    const auto again = co_await wire.stream.fill(2);
    EXPECT_EQ(again, "abc");
    const auto more = co_await wire.stream.fill(again.size() + 1);
    EXPECT_EQ(more, "abcdef\n");
    wire.stream.consume(1);
    const auto line = co_await wire.stream.read_line();
    EXPECT_EQ(*line, "bcdef");
    const auto last = co_await wire.stream.fill(4);
    EXPECT_EQ(last, "xyz") << "fewer than asked: the input is over";
    const auto still = co_await wire.stream.read_exactly(3);
    EXPECT_EQ(still, "xyz");
    const auto end = co_await wire.stream.fill();
    EXPECT_EQ(end, "");
  };
  const Running<> running = begin(body);
  wire.transport.receive("abc");
  wire.transport.receive("def\n");
  wire.transport.receive("xyz");
  EXPECT_FALSE(running.done());
  wire.transport.receive_end();
  EXPECT_TRUE(running.done());
}

TEST_F(ReadingTest, FillHasALimitAndTellsOfABrokenConnection) {
  Wire wire;
  const auto body = [&]() -> Task<> {
    const auto many = co_await as_result(wire.stream.fill(11, 10));
    EXPECT_EQ(many.error().code(), StreamErrc::limit_exceeded);
    EXPECT_STREQ(many.error().what(),
                 "fill 192.0.2.1:54321: longer than the limit of 10 bytes (the last argument allows more)");
    const auto usual = co_await as_result(wire.stream.fill(Stream::default_limit + 1));
    EXPECT_FALSE(usual);
    const auto more = co_await as_result(wire.stream.fill(6, 10));
    EXPECT_EQ(more.error().code(), std::errc::connection_reset);
    const auto shown = co_await wire.stream.fill(5);
    EXPECT_EQ(shown, "12345") << "what had come is there still";
  };
  const Running<> running = begin(body);
  wire.transport.receive("12345");
  EXPECT_FALSE(running.done());
  wire.transport.lose(Reason(Reason::Kind::failed, std::make_error_code(std::errc::connection_reset)));
  EXPECT_TRUE(running.done());
}

TEST_F(ReadingTest, WhatIsShownStaysUntilTheNextReadWhateverComesAndIsConsumed) {
  Wire wire;
  const auto body = [&]() -> Task<> {
    const auto shown = co_await wire.stream.fill(3000);
    wire.stream.consume(1000);
    co_await sleep(1s);  // more comes than there is room for behind it
    wire.stream.consume(2000 + 30'000);
    co_await sleep(1s);
    EXPECT_EQ(shown, std::string(1000, 'a') + std::string(2000, 'b'));
    const auto rest = co_await wire.stream.fill();
    EXPECT_EQ(rest, "c");
  };
  const Running<> running = begin(body);
  wire.transport.receive(std::string(1000, 'a') + std::string(2000, 'b'));
  wire.transport.receive(std::string(30'000, 'x'));
  detail::ReadBuffer other;
  other.append(std::string(4000, 'y'));  // where the shown block would be, were it free
  clock.advance(1s);
  turns(2);
  wire.transport.receive("c");
  clock.advance(1s);
  turns(2);
  EXPECT_TRUE(running.done());
}

TEST_F(ReadingTest, NoMoreIsConsumedThanThereIsNorWhileATaskReads) {
  Wire wire;
  wire.transport.receive("abc");
  EXPECT_THROW(wire.stream.consume(4), std::logic_error);
  wire.stream.consume(2);
  const auto body = [&]() -> Task<> {
    const auto two = co_await wire.stream.read_exactly(2);
    EXPECT_EQ(two, "cd");
  };
  const Running<> running = begin(body);
  EXPECT_THROW(wire.stream.consume(1), std::logic_error);
  wire.transport.receive("d");
  EXPECT_TRUE(running.done());
  Stream none;
  none.consume(0);
  EXPECT_THROW(none.consume(1), std::logic_error);
}

TEST_F(ReadingTest, FillOfMoreThanIsKeptWhileNobodyReadsGoesOn) {
  Wire wire;
  const std::size_t many = 3 * Stream::read_ahead;
  const auto body = [&]() -> Task<> {
    co_await sleep(1s);
    const auto all = co_await wire.stream.fill(many, many);
    EXPECT_EQ(all.size(), many);
  };
  const Running<> running = begin(body);
  wire.transport.receive(std::string(Stream::read_ahead, 'a'));
  EXPECT_FALSE(wire.transport.reading());
  clock.advance(1s);
  turns(2);
  wire.transport.turn();
  EXPECT_TRUE(wire.transport.reading());
  wire.transport.receive(std::string(Stream::read_ahead, 'a'));
  EXPECT_FALSE(running.done());
  wire.transport.receive(std::string(Stream::read_ahead, 'a'));
  EXPECT_TRUE(running.done());
}

TEST_F(ReadingTest, ReadsAtMostSoMuchAsSoonAsThereIsAnything) {
  Wire wire;
  std::string seen;
  const auto body = [&]() -> Task<> {
    const auto none = co_await wire.stream.read(0);
    EXPECT_TRUE(none && none->empty()) << "nothing was asked for: that is not the end";
    while (const auto data = co_await wire.stream.read(4)) seen += std::string(*data) + '|';
    seen += "end";
    const auto end = co_await wire.stream.read(0);
    EXPECT_FALSE(end);
  };
  const Running<> running = begin(body);
  wire.transport.receive("ab");
  EXPECT_EQ(seen, "ab|");
  wire.transport.receive("cdefghijk");
  EXPECT_EQ(seen, "ab|cdef|ghij|k|");
  wire.transport.receive_end();
  EXPECT_EQ(seen, "ab|cdef|ghij|k|end");
  EXPECT_TRUE(running.done());
}

TEST_F(ReadingTest, WhatHasComeIsReadAlsoWhileTheProgramPauses) {
  Wire wire;
  std::string seen;
  const auto body = [&]() -> Task<> {
    while (const auto line = co_await wire.stream.read_line(10)) {
      seen += *line;
      wire.transport.pause_reading();
    }
  };
  const Running<> running = begin(body);
  wire.transport.receive("a\nb\nc");
  EXPECT_EQ(seen, "ab");
  wire.transport.resume_reading();
  wire.transport.turn();
  wire.transport.receive_end();
  EXPECT_EQ(seen, "abc");
  EXPECT_TRUE(running.done());
}

TEST_F(ReadingTest, ADeadlineOfAFillLosesNothing) {
  Wire wire;
  const auto body = [&]() -> Task<> {
    const auto late = co_await as_result(with_timeout(1s, wire.stream.fill(10)));
    EXPECT_STREQ(late.error().what(), "fill 192.0.2.1:54321: timed out after 1 s");
    const auto shown = co_await wire.stream.fill();
    EXPECT_EQ(shown, "abc");
  };
  const Running<> running = begin(body);
  wire.transport.receive("abc");
  clock.advance(1s);
  turns(3);
  EXPECT_TRUE(running.done());
}

}  // namespace
}  // namespace parley
