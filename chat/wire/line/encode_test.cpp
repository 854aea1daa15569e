#include "chat/wire/line/encode.h"

#include <gtest/gtest.h>

namespace chat {
namespace {

std::string encoded(auto what) {
  const Event event{{1, 2}, what};
  return parley::concat(LineEvent{event});
}

TEST(LineEncodeTest, EventsReadAsTheLineChatHasThem) {
  EXPECT_EQ(encoded(Joined{{}, "127.0.0.1:40000"}), "Client joined 127.0.0.1:40000\r\n");
  EXPECT_EQ(encoded(Said{{}, "127.0.0.1:40000", "hello"}), "[127.0.0.1:40000] hello\r\n");
  EXPECT_EQ(encoded(Said{{}, "[::1]:40000", ""}), "[[::1]:40000] \r\n");
  EXPECT_EQ(encoded(Left{{}, "[local:3]"}), "Client left [local:3]\r\n");
  EXPECT_EQ(encoded(GoingDown{}), "Server is shutting down\r\n");
}

TEST(LineEncodeTest, RepliesReadAsTheLineChatHasThem) {
  const Reply welcome{{1, 2}, Welcome{}};
  EXPECT_EQ(parley::concat(LineReply{welcome}), "You're connected to the Parley chatserver\r\n");
  EXPECT_EQ(parley::concat(LineTooLong{4096}), "Line too long: 4096 bytes at most\r\n");
  EXPECT_EQ(parley::concat(SilentTooLong{}), "You have said nothing for too long\r\n");
}

}  // namespace
}  // namespace chat
