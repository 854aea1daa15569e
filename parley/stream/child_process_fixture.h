#pragma once

// For the tests of ChildProcess: what they start, over each kind of reactor that has pipes.

#include <chrono>
#include <csignal>
#include <functional>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "parley/base/recording_log_fixture.h"
#include "parley/process/children_fixture.h"
#include "parley/reactor/process/process_fixture.h"
#include "parley/stream/child_process.h"
#include "parley/stream/deadline.h"
#include "parley/stream/run.h"

namespace parley::testing_process {

using Arguments = std::vector<std::string>;

inline bool is_there(int pid) {
  return ::kill(pid, 0) == 0;  // a zombie is
}

inline Task<ChildProcess> shell(std::string script, SpawnSettings settings = SpawnSettings()) {
  const Arguments arguments{"/bin/sh", "-c", std::move(script)};
  return create_subprocess_exec(arguments, std::move(settings));
}

inline Task<std::string> read_all(Stream& stream) {
  std::string all;
  while (const auto bytes = co_await stream.read()) all += *bytes;
  co_return all;
}

inline Task<> write_all(Stream& stream, std::string_view bytes) {
  co_await stream.write(bytes.substr(0, bytes.size() / 2));
  co_await stream.write(bytes.substr(bytes.size() / 2));
  stream.shutdown_write();
}

inline std::string numbers(std::size_t size) {
  static const std::string text = [] {
    std::string made;
    for (int i = 0; made.size() < 5UL << 20; ++i) made += std::to_string(i) + ' ';
    return made;
  }();
  return text.substr(0, size);
}

// After each, no child is left, no zombie, no descriptor.
class ChildProcessFixture : public testing::TestWithParam<Reactor::Kind> {
 protected:
  ChildProcessFixture()
      : reactor_(GetParam(), {.log = &log_}), descriptors_((let_go_of_dropped(), open_descriptors())) {}
  ~ChildProcessFixture() override {
    EXPECT_TRUE(until(no_child_is_left)) << "a child is left";
    EXPECT_TRUE(until([this] { return open_descriptors() == descriptors_; }))
        << open_descriptors() << " descriptors, and " << descriptors_ << " before";
    EXPECT_THAT(log_.lines, testing::IsEmpty());
  }

  template <class Play>
  void play(Play play) {
    const auto in_time = [&play]() -> Task<> { co_await with_timeout(std::chrono::seconds(60), play()); };
    run(reactor_, in_time());
  }
  // Turns until it is so.
  bool until(const std::function<bool()>& so) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!so()) {
      if (std::chrono::steady_clock::now() > end) return false;
      reactor_.turn(std::chrono::milliseconds(20));
    }
    return true;
  }

  RecordingLog log_;
  Reactor reactor_;
  std::size_t descriptors_;
};

}  // namespace parley::testing_process
