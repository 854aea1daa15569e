// A port whose peer has no room: it waits, without a system call, and goes on where it was.

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "tests/conformance/conformance.h"

namespace parley::conformance {
namespace {

using namespace std::chrono_literals;

class FullPorts : public Conformance {
 protected:
  // Reads nothing at first.
  struct Reader : DatagramProtocol {
    explicit Reader(std::vector<std::string>& to) : got(to) {}
    void start_protocol() override { transport().pause_reading(); }
    void datagram_received(std::span<char> lent, const Address&) override {
      got.emplace_back(lent.data(), lent.size());
    }
    std::vector<std::string>& got;
  };
  struct Writer : DatagramProtocol {
    void datagram_received(std::span<char>, const Address&) override {}
    void error_received(const SocketError& error) override { ADD_FAILURE() << error.what(); }
  };

  void SetUp() override {
    Conformance::SetUp();
    path_ = (std::filesystem::temp_directory_path() /
             concat("parley-full-", GetParam().name, '-',
                    std::to_string(reinterpret_cast<std::uintptr_t>(this) % 1000003)))
                .string();
    std::filesystem::remove(path_);
    reader_ = reactor().listen_unix_datagram(Address::local(path_), std::make_unique<Reader>(got_));
    writer_ = reactor().connect_unix_datagram(Address::local(path_), std::make_unique<Writer>());
    settle();
  }

  void write() { writer_.transport()->write(std::to_string(written_++)); }
  void fill() {
    while (writer_.transport()->queued() == 0 && written_ < 20000) {
      write();
      turn();
      if (writer_.transport()->queued() != 0) settle();  // it may be on its way
    }
  }

  std::string path_;
  DatagramPort reader_;
  DatagramPort writer_;
  std::vector<std::string> got_;
  std::size_t written_ = 0;
};
PARLEY_CONFORMANCE(FullPorts);

TEST_P(FullPorts, WhatIsWrittenMeanwhileWaitsAndTheLoopRests) {
  fill();
  ASSERT_EQ(writer_.transport()->queued(), 1U);
  for (int i = 0; i < 100; ++i) write();  // more than are sent at once
  settle();
  EXPECT_EQ(writer_.transport()->queued(), 101U);
  counts_.idle = 0;
  const auto begin = std::chrono::steady_clock::now();
  const Time now = outside().clock().now();
  for (int i = 0; i < 8; ++i) reactor().turn(2ms);
  const Duration waited =
      std::max<Duration>(std::chrono::steady_clock::now() - begin, outside().clock().now() - now);
  EXPECT_EQ(counts_.idle, 0U) << "turns came back early with nothing";
  EXPECT_GE(waited, 14ms) << "turns do not wait";
  EXPECT_EQ(writer_.transport()->queued(), 101U);
}

TEST_P(FullPorts, AllOfItArrivesInOrderOnceThereIsRoom) {
  fill();
  ASSERT_EQ(writer_.transport()->queued(), 1U);
  for (int i = 0; i < 100; ++i) write();
  reader_.transport()->resume_reading();
  ASSERT_TRUE(until([&] { return got_.size() == written_; })) << got_.size() << " of " << written_;
  EXPECT_EQ(writer_.transport()->queued(), 0U);
  EXPECT_EQ(writer_.transport()->dropped(), 0U);
  for (std::size_t i = 0; i < got_.size(); ++i) ASSERT_EQ(got_[i], std::to_string(i));
  // And it is not full any more.
  write();
  ASSERT_TRUE(until([&] { return got_.size() == written_; }));
}

}  // namespace
}  // namespace parley::conformance
