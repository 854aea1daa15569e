#include "parley/reactor/standard_io.h"

#include <array>
#include <chrono>
#include <cstdlib>
#include <fcntl.h>
#include <functional>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <sys/select.h>
#include <system_error>
#include <unistd.h>
#include <vector>

#include "parley/base/recording_log_fixture.h"
#include "parley/process/pipes.h"
#include "parley/socket/create.h"
#include "parley/socket/descriptors.h"
#include "parley/socket/socket.h"

namespace parley {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

struct Story {
  std::vector<std::string> told;
  std::string received;
  std::function<void(Transport&)> made, lost;
  std::function<void(Transport&, std::string_view)> data;
  std::function<bool(Transport&)> end;
};

class Player final : public Protocol {
 public:
  explicit Player(Story& story) : story_(story) {}
  void connection_made() override {
    if (story_.made) story_.made(transport());
  }
  void data_received(std::span<char> lent) override {
    story_.received.append(lent.data(), lent.size());
    if (story_.data) story_.data(transport(), {lent.data(), lent.size()});
  }
  bool eof_received() override {
    story_.told.emplace_back("end");
    return story_.end && story_.end(transport());
  }
  void connection_lost(Reason reason) override {
    story_.told.push_back("lost: " + concat(reason));
    if (story_.lost) story_.lost(transport());
  }

 private:
  Story& story_;
};

// Over two pipes, whose other ends are the world's.
class StandardIoTest : public testing::TestWithParam<Reactor::Kind> {
 protected:
  struct Pipe {
    Pipe() {
      std::array<int, 2> ends{};
      if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw std::system_error(errno, std::generic_category());
      reads.reset(ends[0]);
      writes.reset(ends[1]);
    }
    Descriptor reads, writes;
  };

  TransportId open() {
    return standard_io(reactor_, std::make_unique<Player>(story_), {in_.reads.get(), out_.writes.get()});
  }
  void type(std::string_view text) { ASSERT_EQ(write_pipe(in_.writes.get(), text).value(), text.size()); }
  // What has come out meanwhile.
  const std::string& output() {
    ::fcntl(out_.reads.get(), F_SETFL, O_NONBLOCK);
    std::array<char, 65536> memory;
    for (;;) {
      const Result<std::size_t> count = read_pipe(out_.reads.get(), memory);
      if (!count) return output_;
      if (*count == 0) {
        ended_ = true;
        return output_;
      }
      output_.append(memory.data(), *count);
    }
  }
  bool until(const std::function<bool()>& so) {
    const auto end = std::chrono::steady_clock::now() + 20s;
    while (!so()) {
      if (std::chrono::steady_clock::now() > end) return false;
      reactor_.turn(5ms);
    }
    return true;
  }
  // It leaves our end of the pipe to the test alone: the number stands for /dev/null then.
  bool ends() {
    return until([&] { return output(), ended_; });
  }

  RecordingLog log_;
  Reactor reactor_{GetParam(), {.log = &log_}};
  Story story_;
  Pipe in_, out_;
  std::string output_;
  bool ended_ = false;
};
INSTANTIATE_TEST_SUITE_P(Over, StandardIoTest,
                         testing::Values(Reactor::epoll, Reactor::poll, Reactor::select),
                         [](const auto& kind) {
                           return kind.param == Reactor::epoll  ? "epoll"
                                  : kind.param == Reactor::poll ? "poll"
                                                                : "select";
                         });

TEST_P(StandardIoTest, WhatIsTypedComesAndWhatIsWrittenGoes) {
  story_.data = [](Transport& io, std::string_view text) { io.write("<" + std::string(text) + ">"); };
  const TransportId id = open();
  EXPECT_EQ(reactor_.find(id)->peer().family(), Family::local);
  type("hello");
  ASSERT_TRUE(until([&] { return output() == "<hello>"; }));
  EXPECT_NE(::fcntl(in_.reads.get(), F_GETFL) & O_NONBLOCK, O_NONBLOCK) << "it is others' too";
  EXPECT_NE(::fcntl(out_.writes.get(), F_GETFL) & O_NONBLOCK, O_NONBLOCK) << "it is others' too";
  in_.writes.reset();
  ASSERT_TRUE(ends());
  ASSERT_TRUE(until([&] { return !story_.told.empty() && reactor_.find(id) == nullptr; }));
  EXPECT_THAT(story_.told, ElementsAre("end", "lost: closed by the peer"));
}

TEST_P(StandardIoTest, AHalfClosedInputIsStillAnswered) {
  story_.end = [](Transport&) { return true; };
  open();
  type("question");
  in_.writes.reset();
  ASSERT_TRUE(until([&] { return story_.told == std::vector<std::string>{"end"}; }));
  EXPECT_EQ(story_.received, "question");
  EXPECT_EQ(output(), "");
  EXPECT_FALSE(ended_);
  story_.told.clear();
}

TEST_P(StandardIoTest, SoIsAHalfClosedOutputStillFed) {
  story_.made = [](Transport& io) {
    io.write("all");
    io.shutdown_write();
  };
  const TransportId id = open();
  ASSERT_TRUE(ends());
  EXPECT_EQ(output_, "all");
  type("more");
  ASSERT_TRUE(until([&] { return story_.received == "more"; }));
  ASSERT_NE(reactor_.find(id), nullptr);
  reactor_.find(id)->lose_connection();
  ASSERT_TRUE(until([&] { return reactor_.find(id) == nullptr; }));
}

// A slow reader of the output is waited for, and the input with it, where the protocol says so.
TEST_P(StandardIoTest, AMegabyteGoesThroughAsItIsRead) {
  story_.data = [](Transport& io, std::string_view text) { io.write(text); };
  open();
  std::string all;
  for (int i = 0; all.size() < 1'000'000; ++i) all += std::to_string(i) + ' ';
  std::size_t typed = 0;
  ::fcntl(in_.writes.get(), F_SETFL, O_NONBLOCK);
  ASSERT_TRUE(until([&] {
    const Result<std::size_t> count = write_pipe(in_.writes.get(), std::string_view(all).substr(typed));
    if (count) typed += *count;
    return output().size() == all.size();
  }));
  EXPECT_EQ(output_, all);
}

TEST_P(StandardIoTest, PausedItReadsNoMoreThanASockets) {
  story_.made = [](Transport& io) { io.pause_reading(); };
  open();
  ::fcntl(in_.writes.get(), F_SETFL, O_NONBLOCK);
  std::size_t typed = 0;
  const std::string some(10000, 'x');
  for (int quiet = 0; quiet < 10 && typed < 10'000'000;) {
    const Result<std::size_t> count = write_pipe(in_.writes.get(), some);
    typed += count ? *count : 0;
    quiet = count ? 0 : quiet + 1;
    reactor_.turn(1ms);
  }
  EXPECT_LT(typed, 1'000'000U);
  EXPECT_EQ(story_.received, "");
}

// `prog | head -1`.
TEST_P(StandardIoTest, AReaderThatHasGoneEndsIt) {
  const TransportId id = open();
  reactor_.turn(0s);
  out_.reads.reset();
  ASSERT_TRUE(until([&] { return reactor_.find(id) == nullptr; })) << "it is not found out by itself";
  ASSERT_EQ(story_.told.size(), 2U);
}

// The kernel's buffers hold less than what is written when it closes.
TEST_P(StandardIoTest, WhatWasWrittenIsDeliveredBeforeTheReactorHasStopped) {
  const std::string all(3'000'000, 'z');
  story_.made = [&](Transport& io) {
    io.write(all);
    io.lose_connection();
  };
  story_.lost = [&](Transport&) { reactor_.stop(20s); };
  const TransportId id = open();
  const auto begin = std::chrono::steady_clock::now();
  while (reactor_.turn(5ms)) output();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 10s);
  EXPECT_EQ(reactor_.find(id), nullptr);
  output();
  EXPECT_EQ(output_.size(), all.size());
  EXPECT_TRUE(ended_);
}

// The input is still open: nobody waits for its end.
TEST_P(StandardIoTest, ClosingIsNotHeldUpByTheInput) {
  story_.data = [&](Transport& io, std::string_view) {
    io.write("bye");
    io.lose_connection();
  };
  story_.lost = [&](Transport&) { reactor_.stop(20s); };
  open();
  type("quit");
  const auto begin = std::chrono::steady_clock::now();
  while (reactor_.turn(5ms)) {
  }
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 1500ms);
  EXPECT_EQ(output(), "bye");
}

TEST_P(StandardIoTest, FilesAndSocketsWillDo) {
  char name[] = "/tmp/parley_standard_io_XXXXXX";
  const Descriptor file(::mkstemp(name));
  ASSERT_TRUE(file);
  const std::string all(200'000, 'f');
  ASSERT_EQ(::pwrite(file.get(), all.data(), all.size(), 0), static_cast<ssize_t>(all.size()));
  auto [ours, theirs] = socketpair();
  ours.settimeout(20s);
  story_.data = [](Transport& io, std::string_view text) { io.write(text); };
  standard_io(reactor_, std::make_unique<Player>(story_), {file.get(), theirs.fileno()});
  std::string got;
  ASSERT_TRUE(until([&] {
    ours.setblocking(false);
    try {
      for (;;) {
        const std::string piece = ours.recv(65536);
        if (piece.empty()) return true;
        got += piece;
      }
    } catch (const WouldBlock&) {
    }
    return false;
  }));
  EXPECT_EQ(got.size(), all.size());
  EXPECT_EQ(story_.told.size(), 2U);
  // And out to a file.
  Story second;
  second.made = [](Transport& io) {
    io.write("written");
    io.lose_connection();
  };
  const Descriptor copy(::dup(file.get()));
  standard_io(reactor_, std::make_unique<Player>(second), {in_.reads.get(), copy.get()});
  ASSERT_TRUE(until([&] { return second.told.size() == 1; }));
  std::array<char, 7> memory{};
  ASSERT_TRUE(until([&] {
    return ::pread(file.get(), memory.data(), memory.size(), static_cast<off_t>(all.size())) == 7;
  }));
  EXPECT_EQ(std::string_view(memory.data(), memory.size()), "written");
  ::unlink(name);
}

TEST_P(StandardIoTest, WhatIsNotOpenIsRefused) {
  EXPECT_THROW(standard_io(reactor_, std::make_unique<Player>(story_), {1000000, 1}), std::system_error);
}

// select has no room for a descriptor so high.
TEST_P(StandardIoTest, OneThatCannotBeWatchedLeavesNothingBehind) {
  if (GetParam() != Reactor::select) return;
  raise_descriptor_limit();
  auto [ours, theirs] = socketpair();  // it is duplicated, to the first number that is free
  std::vector<Descriptor> filling;
  do {
    filling.emplace_back(::dup(theirs.fileno()));
    ASSERT_TRUE(filling.back());
  } while (filling.back().get() < FD_SETSIZE);
  for (int i = 0; i < 2; ++i) filling[static_cast<std::size_t>(i)].reset();  // for a pair of sockets
  EXPECT_THROW(standard_io(reactor_, std::make_unique<Player>(story_), {theirs.fileno(), out_.writes.get()}),
               SocketError);
  filling.clear();
  for (int i = 0; i < 5; ++i) reactor_.turn(0s);
  EXPECT_EQ(reactor_.connections(), 0U);
  EXPECT_THAT(story_.told, ElementsAre());
  EXPECT_EQ(write_pipe(out_.writes.get(), "ours").value(), 4U) << "they stay the caller's";
  theirs.close();
  ours.setblocking(false);
  EXPECT_EQ(ours.recv(1), "") << "a descriptor is left open";
}

TEST_P(StandardIoTest, AReactorThatGoesLetsGoOfIt) {
  {
    Reactor going(GetParam(), {.log = &log_});
    standard_io(going, std::make_unique<Player>(story_), {in_.reads.get(), out_.writes.get()});
    going.turn(0s);
  }
  out_.writes.reset();
  output();
  EXPECT_TRUE(ended_) << "a descriptor is left open";
}

}  // namespace
}  // namespace parley
