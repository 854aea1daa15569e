#include "bench/fanout/checker.h"

#include <gtest/gtest.h>
#include <string>
#include <string_view>
#include <vector>

namespace bench {
namespace {

// Clients 0 and 1 talk; 2, 3 and 4 listen.
struct CheckerTest : testing::Test {
  std::string say(std::size_t sender) {
    std::string text = sender == 0 ? "[127.0.0.1:1] " : "[127.0.0.1:2] ";
    checker.write(sender, 1000 + static_cast<std::uint64_t>(sender), text);
    return text;
  }
  void hear(std::size_t client, std::string_view bytes) { checker.receive(client, bytes, 2000); }
  void expect(std::uint64_t lost, std::uint64_t reordered, std::uint64_t cut) {
    EXPECT_EQ(checker.lost(), lost);
    EXPECT_EQ(checker.reordered(), reordered);
    EXPECT_EQ(checker.cut(), cut);
  }

  Checker checker{{{0, "[127.0.0.1:1] "}, {1, "[127.0.0.1:2] "}}, 5, 8};
};

TEST_F(CheckerTest, a_message_has_64_bytes_and_a_line_end) {
  std::string text;
  checker.write(1, 255, text);
  EXPECT_EQ(text, "s=0001 q=000000000000 t=00000000000000ff parley benchmark filler\r\n");
  EXPECT_EQ(text.size(), message_size + 2);
}

TEST_F(CheckerTest, all_is_well_in_any_split) {
  for (std::size_t split = 0; split < 300; ++split) {
    const std::string a = say(0), b = say(1), c = say(0), d = say(1);
    const std::string all = a + b + c + d;
    for (const std::size_t client : {2u, 3u, 4u}) {
      hear(client, std::string_view(all).substr(0, client == 3 ? all.size() / 2 : split));
      hear(client, std::string_view(all).substr(client == 3 ? all.size() / 2 : split));
    }
    EXPECT_FALSE(checker.nothing_in_flight());
    hear(0, b + d);
    hear(1, a + c);
    EXPECT_TRUE(checker.nothing_in_flight());
  }
  expect(0, 0, 0);
  EXPECT_EQ(checker.deliveries(), 300u * 4 * 4);
  EXPECT_GE(checker.latency().percentile(0.5), 1000u);
  EXPECT_LE(checker.latency().percentile(0.5), 1031u);
}

TEST_F(CheckerTest, a_long_run_is_trimmed_and_a_late_failure_still_seen) {
  const std::string first = say(1);
  for (const std::size_t client : {0u, 2u, 3u, 4u}) hear(client, first);
  std::string last;
  for (int i = 0; i < 50'000; ++i) {
    const std::string text = last = say(0);
    for (const std::size_t client : {1u, 2u, 3u, 4u}) hear(client, text);
  }
  expect(0, 0, 0);
  hear(2, last);
  hear(3, first);
  expect(0, 2, 0);
}

TEST_F(CheckerTest, a_missing_line_is_lost_for_the_first_receiver_and_for_a_later_one) {
  const std::string a = say(0), b = say(0), c = say(0);
  for (const std::size_t client : {1u, 2u, 4u}) hear(client, client == 2 ? a + c : a + b + c);
  hear(3, a + c);
  expect(2, 0, 0);
  EXPECT_EQ(checker.in_flight(0), 1u);
}

TEST_F(CheckerTest, a_later_line_first_is_reordered) {
  const std::string a = say(0), b = say(0);
  for (const std::size_t client : {1u, 2u, 4u}) hear(client, a + b);
  hear(3, b + a);
  expect(0, 1, 0);
}

TEST_F(CheckerTest, the_order_among_senders_may_differ) {
  const std::string a = say(0), b = say(1);
  hear(0, b);
  hear(1, a);
  hear(2, a + b);
  hear(3, b + a);
  hear(4, a + b);
  expect(0, 0, 0);
}

TEST_F(CheckerTest, a_line_that_is_not_whole_is_cut_and_lost) {
  const std::string a = say(0), b = say(0);
  for (const std::size_t client : {1u, 2u}) hear(client, a + b);
  hear(3, a.substr(0, 40) + b);                       // the end of one is missing,
  hear(4, a + b.substr(0, 50) + "?" + b.substr(51));  // and one byte is another
  expect(3, 0, 2);
}

TEST_F(CheckerTest, what_nobody_said_is_cut) {
  const std::string a = say(0);
  hear(2, "Client left 127.0.0.1:7\r\n" + a);
  hear(0, a);  // its own
  expect(3, 0, 2);
}

TEST_F(CheckerTest, a_notice_that_is_expected_is_no_fault) {
  const std::string notice = "Client left 127.0.0.1:7\r\n";
  checker.expect(notice);
  const std::string a = say(0), b = say(0);
  for (const std::size_t client : {2u, 1u, 3u, 4u}) hear(client, a + notice + b);
  expect(0, 0, 0);
  EXPECT_TRUE(checker.nothing_in_flight());
  EXPECT_EQ(checker.deliveries(), 2u * 4);
  EXPECT_EQ(checker.on_tape(), 3u);  // all but the senders
}

TEST_F(CheckerTest, a_notice_that_is_not_whole_is_cut) {
  const std::string notice = "Client left 127.0.0.1:7\r\n";
  checker.expect(notice);
  const std::string a = say(0);
  for (const std::size_t client : {2u, 1u, 3u, 4u}) hear(client, client == 2 ? a : notice.substr(1) + a);
  expect(0, 0, 3);
}

TEST_F(CheckerTest, the_wrong_name_is_cut) {
  const std::string a = say(0);
  hear(2, "[127.0.0.1:2] " + a.substr(a.find(' ') + 1));
  expect(4, 0, 1);
}

}  // namespace
}  // namespace bench
