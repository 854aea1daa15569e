#include <chrono>
#include <condition_variable>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "chat/post/async_writer.h"
#include "parley/base/print.h"

namespace chat {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

// What a writer writes to: it takes lines once it is open, and keeps the writer waiting before.
class Reader {
 public:
  AsyncWriter::Write write() {
    return [self = self_](std::string_view lines) {
      std::unique_lock lock(self->mutex);
      self->waits = true;
      self->changed.notify_all();
      self->changed.wait(lock, [&] { return self->open; });
      self->pieces.emplace_back(lines);
      return !self->gone;
    };
  }
  void open(bool gone = false) {
    const std::lock_guard lock(self_->mutex);
    self_->open = true;
    self_->gone = gone;
    self_->changed.notify_all();
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
    bool gone = false;
    bool waits = false;
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
    const std::string line = parley::format("line ", i, "\n");
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

TEST(AsyncWriterTest, WhenNobodyTakesAnythingAnyMoreNothingIsKept) {
  Reader reader;
  AsyncWriter writer(reader.write(), 100);
  EXPECT_TRUE(writer.put("first\n"));
  reader.wait();
  EXPECT_TRUE(writer.put("second\n"));
  reader.open(true);
  while (writer.put("")) std::this_thread::yield();
  EXPECT_TRUE(writer.close(10s));
  EXPECT_THAT(reader.pieces(), ElementsAre("first\n"));
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

}  // namespace
}  // namespace chat
