#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <fstream>
#include <future>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <iterator>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <vector>

#include "chat/post/async_writer.h"
#include "parley/base/print.h"

namespace chat {
namespace {

using namespace std::chrono_literals;

// What a writer writes to: it takes lines once it is open, and keeps the writer waiting before. It has room
// for so many bytes, as a disk has.
class Reader {
 public:
  AsyncWriter::Write write() {
    return [self = self_](std::string_view lines) {
      std::unique_lock lock(self->mutex);
      self->waits = true;
      ++self->calls;
      self->changed.notify_all();
      self->changed.wait(lock, [&] { return self->open; });
      const std::size_t taken = std::min(self->room, lines.size());
      self->room -= taken;
      if (taken != 0) self->pieces.emplace_back(lines.substr(0, taken));
      return taken;
    };
  }
  void open(std::size_t room = std::string::npos) {
    const std::lock_guard lock(self_->mutex);
    self_->open = true;
    self_->room = room;
    self_->changed.notify_all();
  }
  // Until the writer has tried so often.
  void wait_for_calls(int calls) {
    std::unique_lock lock(self_->mutex);
    self_->changed.wait(lock, [&] { return self_->calls >= calls; });
  }
  // Until the writer waits.
  void wait() {
    std::unique_lock lock(self_->mutex);
    self_->changed.wait(lock, [&] { return self_->waits; });
  }
  std::vector<std::string> pieces() {
    const std::lock_guard lock(self_->mutex);
    return self_->pieces;
  }
  std::string text() {
    std::string text;
    for (const std::string& piece : pieces()) text += piece;
    return text;
  }

 private:
  struct Self {
    std::mutex mutex;
    std::condition_variable changed;
    bool open = false;
    std::size_t room = std::string::npos;
    bool waits = false;
    int calls = 0;
    std::vector<std::string> pieces;
  };
  std::shared_ptr<Self> self_ = std::make_shared<Self>();
};

TEST(AsyncWriterTest, WhatIsPutIsWrittenInOrder) {
  Reader reader;
  reader.open();
  std::string wanted;
  AsyncWriter writer(reader.write(), 1 << 20);
  for (int i = 0; i < 1000; ++i) {
    const std::string line = parley::concat("line ", i, "\n");
    EXPECT_TRUE(writer.put(line));
    wanted += line;
  }
  EXPECT_TRUE(writer.close(10s));
  EXPECT_EQ(reader.text(), wanted);
  EXPECT_FALSE(writer.put("too late\n"));
  EXPECT_TRUE(writer.close(0s)) << "again, it answers the same";
}

TEST(AsyncWriterTest, OneThatIsStuckKeepsTheLimitAndHoldsUpNobody) {
  Reader reader;
  AsyncWriter writer(reader.write(), 100);
  EXPECT_TRUE(writer.put("first\n"));
  reader.wait();
  const std::string line(25, 'x');
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(writer.put(line));
  EXPECT_FALSE(writer.put("y"));
  reader.open();
  EXPECT_TRUE(writer.close(10s));
  EXPECT_EQ(reader.text(), "first\n" + std::string(100, 'x'));
}

TEST(AsyncWriterTest, OneThatIsStuckAtTheEndIsLeft) {
  Reader reader;
  {
    AsyncWriter writer(reader.write(), 100);
    EXPECT_TRUE(writer.put("first\n"));
    reader.wait();
    EXPECT_FALSE(writer.close(0s));
    EXPECT_FALSE(writer.close(0s));
  }
  reader.open();  // the thread ends by itself, without its writer
}

// As on a disk that is full, until somebody makes room: from the very byte on where it failed.
TEST(AsyncWriterTest, WhatCannotBeWrittenIsKeptAndTriedAgain) {
  Reader reader;
  reader.open(9);
  AsyncWriter writer(reader.write(), 100, 1ms);
  EXPECT_TRUE(writer.put("first\n"));
  EXPECT_TRUE(writer.put("second\n"));
  reader.wait_for_calls(4);
  EXPECT_TRUE(writer.put("third\n"));
  EXPECT_THAT(reader.text(), "first\nsec");
  reader.open();
  EXPECT_TRUE(writer.close(10s));
  EXPECT_EQ(reader.text(), "first\nsecond\nthird\n");
  EXPECT_EQ(writer.lost(), 0U);
}

// As into a pipe whose reader has gone.
TEST(AsyncWriterTest, WhatFailsAgainAndAgainIsTriedEverMoreRarely) {
  Reader reader;
  reader.open(0);
  AsyncWriter writer(reader.write(), 100, 8ms);
  const auto begun = std::chrono::steady_clock::now();
  EXPECT_TRUE(writer.put("first\n"));
  reader.wait_for_calls(6);
  EXPECT_GE(std::chrono::steady_clock::now() - begun, 248ms) << "it waits for 8, 16, 32, 64 and 128 ms";
}

TEST(AsyncWriterTest, ItTriesAtOnceWhenItIsToldTo) {
  Reader reader;
  reader.open(0);
  AsyncWriter writer(reader.write(), 100, 1h);
  EXPECT_TRUE(writer.put("first\n"));
  reader.wait_for_calls(1);
  writer.retry();
  reader.wait_for_calls(2);
  reader.open();
  writer.retry();
  while (reader.text().empty()) std::this_thread::yield();
  EXPECT_TRUE(writer.close(10s));
  EXPECT_EQ(reader.text(), "first\n");
}

TEST(AsyncWriterTest, AtTheEndItIsTriedOnceMoreAndTheLinesThatAreLostAreCounted) {
  Reader reader;
  reader.open(9);
  AsyncWriter writer(reader.write(), 100, 1h);
  EXPECT_TRUE(writer.put("first\nsecond\n"));
  reader.wait_for_calls(1);
  EXPECT_TRUE(writer.put("third\n"));
  EXPECT_TRUE(writer.close(10s)) << "its thread has ended";
  EXPECT_EQ(reader.text(), "first\nsec");
  EXPECT_EQ(writer.lost(), 2U);
}

TEST(AsyncWriterTest, WhileNothingCanBeWrittenTheLimitHolds) {
  Reader reader;
  reader.open(0);
  AsyncWriter writer(reader.write(), 100, 1h);
  EXPECT_TRUE(writer.put(std::string(40, 'x') + "\n"));
  reader.wait_for_calls(1);
  EXPECT_TRUE(writer.put(std::string(40, 'y') + "\n"));
  EXPECT_FALSE(writer.behind());
  EXPECT_TRUE(writer.put(std::string(40, 'y') + "\n"));
  EXPECT_TRUE(writer.behind());
  EXPECT_FALSE(writer.put(std::string(40, 'y') + "\n"));
  EXPECT_TRUE(writer.close(10s));
  EXPECT_EQ(writer.lost(), 3U);
}

TEST(AsyncWriterTest, PiecesAreWholeLinesThatAPipeTakesAtOnce) {
  Reader reader;
  AsyncWriter writer(reader.write(), 1 << 20);
  EXPECT_TRUE(writer.put("first\n"));
  reader.wait();
  const std::string small(1000, 's');
  const std::string large(10000, 'l');
  for (int i = 0; i < 9; ++i) EXPECT_TRUE(writer.put(small + "\n"));
  EXPECT_TRUE(writer.put(large + "\n"));
  EXPECT_TRUE(writer.put("last\n"));
  reader.open();
  EXPECT_TRUE(writer.close(10s));

  const std::vector<std::string> pieces = reader.pieces();
  ASSERT_GT(pieces.size(), 3U);
  for (const std::string& written : pieces) {
    EXPECT_EQ(written.back(), '\n');
    EXPECT_TRUE(written.size() <= AsyncWriter::piece || written == large + "\n") << written.size();
  }
  EXPECT_EQ(reader.text().size(), 6 + 9 * 1001 + 10001 + 5U);
}

TEST(AsyncWriterTest, ManyMayPutAtOnce) {
  Reader reader;
  reader.open();
  AsyncWriter writer(reader.write(), 1 << 20);
  std::vector<std::thread> writers;
  for (int i = 0; i < 4; ++i) {
    writers.emplace_back([&writer] {
      for (int line = 0; line < 500; ++line) EXPECT_TRUE(writer.put("a line\n"));
    });
  }
  for (std::thread& one : writers) one.join();
  EXPECT_TRUE(writer.close(10s));
  EXPECT_EQ(reader.text().size(), 2000 * 7U);
}

std::string contents(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(LogOutputTest, AFileThatWasRenamedIsOpenedAnew) {
  const std::string path = testing::TempDir() + "parleyd-log-output-" + std::to_string(::getpid());
  const std::string renamed = path + ".1";
  std::remove(path.c_str());
  LogOutput output;
  const AsyncWriter::Write write = output.write();
  output.open(path);
  EXPECT_EQ(write("one\n"), 4U);
  ASSERT_EQ(std::rename(path.c_str(), renamed.c_str()), 0);
  EXPECT_EQ(write("two\n"), 4U) << "it goes with the file";
  output.open(path);
  EXPECT_EQ(write("three\n"), 6U);
  EXPECT_EQ(contents(renamed), "one\ntwo\n");
  EXPECT_EQ(contents(path), "three\n");
  output.open(path);
  EXPECT_EQ(write("four\n"), 5U);
  EXPECT_EQ(contents(path), "three\nfour\n") << "what was there stays";
  std::remove(path.c_str());
  std::remove(renamed.c_str());
}

TEST(LogOutputTest, WhatCannotBeOpenedLeavesItAsItWas) {
  const std::string path = testing::TempDir() + "parleyd-log-output-kept-" + std::to_string(::getpid());
  std::remove(path.c_str());
  LogOutput output;
  const AsyncWriter::Write write = output.write();
  output.open(path);
  EXPECT_THROW(output.open("/nonexistent/parleyd.log"), std::system_error);
  EXPECT_THROW(output.open("/"), std::system_error);
  EXPECT_EQ(write("one\n"), 4U);
  EXPECT_EQ(contents(path), "one\n");
  output.open("/dev/full");
  EXPECT_EQ(write("two\n"), 0U);
  output.open(path);
  EXPECT_EQ(write("three\n"), 6U);
  EXPECT_EQ(contents(path), "one\nthree\n");
  std::remove(path.c_str());
}

// As while somebody writes to it who is stuck: to choose it must not wait for that.
TEST(LogOutputTest, StderrThatIsStuckIsChosenAtOnce) {
  LogOutput output;
  std::promise<void> stuck;
  std::promise<void> read;
  std::thread other([&] {
    ::flockfile(stderr);
    stuck.set_value();
    read.get_future().wait();
    ::funlockfile(stderr);
  });
  stuck.get_future().wait();
  std::future<void> chosen = std::async(std::launch::async, [&] { output.open(""); });
  EXPECT_EQ(chosen.wait_for(10s), std::future_status::ready);
  read.set_value();
  other.join();
}

}  // namespace
}  // namespace chat
