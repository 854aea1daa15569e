#include "parley/line/int_receiver.h"

#include <stdexcept>

#include "parley/line/every_split_fixture.h"

namespace parley {
namespace {

static_assert(sizeof(Int32Receiver) <= 40);

using namespace std::string_literals;

template <class Base, std::uint32_t limit = 99999>
class Strings : public Base {
 public:
  Strings(StringTransport& transport, bool pauses) : Base(limit), notes(transport, pauses) {}

  void string_received(std::string_view string) override { notes.note("", string); }
  void length_limit_exceeded(std::size_t length) override {
    notes.note("long ", std::to_string(length));
    if (loses) Base::length_limit_exceeded(length);
  }

  Notes notes;
  bool loses = false;
};

TEST(IntReceiver, EverySplit) {
  expect_at_every_split<Strings<Int8Receiver>>("\3one\0\5pause\2\0\xff\4quit\1x"s,
                                               {"one", "", "pause", "\0\xff"s, "quit"});
  expect_at_every_split<Strings<Int16Receiver>>("\0\3one\0\0\0\5pause\0\5abort\0\1x"s,
                                                {"one", "", "pause", "abort"});
  expect_at_every_split<Strings<Int32Receiver>>("\0\0\0\3one\0\0\0\0\0\0\0\5pause\0\0\0\2xx\0\0\0\5half"s,
                                                {"one", "", "pause", "xx"});
}

TEST(IntReceiver, TheMostSignificantByteComesFirst) {
  const std::string large(0x0203, 'x');
  Connected<Strings<Int16Receiver>> two;
  two.transport.receive("\2\3"s + large);
  EXPECT_EQ(two.events(), Events{large});
  Connected<Strings<Int32Receiver>> four;
  four.transport.receive("\0\0\2\3"s + large);
  EXPECT_EQ(four.events(), Events{large});
  Connected<Strings<Int8Receiver>> one;
  one.transport.receive("\xff"s + large.substr(0, 255));
  EXPECT_EQ(one.events(), Events{large.substr(0, 255)});
}

TEST(IntReceiver, OneOverTheLimitIsToldBeforeItComesAndSkipped) {
  expect_at_every_split<Strings<Int8Receiver, 3>>("\3abc\4quit\1a\5pause\1b"s,
                                                  {"abc", "long 4", "a", "long 5", "b"});
  Connected<Strings<Int32Receiver>> strings;
  strings.receiver.loses = true;
  strings.transport.receive("\xff\xff\xff\xff"s);
  EXPECT_EQ(strings.events(), Events{"long 4294967295"});
  EXPECT_TRUE(strings.transport.closing());
}

TEST(IntReceiver, WhatIsSentHasItsLengthBefore) {
  Connected<Strings<Int8Receiver>> one;
  one.receiver.send_string("abc");
  EXPECT_EQ(one.transport.written(), "\3abc");
  Connected<Strings<Int16Receiver>> two;
  two.receiver.send_string(std::string(0x0102, 'x'));
  EXPECT_EQ(two.transport.written(), "\1\2" + std::string(0x0102, 'x'));
  Connected<Strings<Int32Receiver>> four;
  four.receiver.send_string("");
  four.receiver.send_string(std::string(0x010203, 'x'));
  EXPECT_EQ(four.transport.written(), "\0\0\0\0\0\1\2\3"s + std::string(0x010203, 'x'));
}

TEST(IntReceiver, WhatDoesNotFitIsRefused) {
  Connected<Strings<Int8Receiver>> one;
  one.receiver.send_string(std::string(255, 'x'));
  one.transport.clear();
  try {
    one.receiver.send_string(std::string(256, 'x'));
    FAIL();
  } catch (const std::length_error& error) {
    EXPECT_STREQ(error.what(), "send_string: 256 bytes, and a length of 1 bytes tells at most 255");
  }
  EXPECT_EQ(one.transport.written(), "");
  Connected<Strings<Int16Receiver>> two;
  two.receiver.send_string(std::string(65535, 'x'));
  EXPECT_THROW(two.receiver.send_string(std::string(65536, 'x')), std::length_error);
}

}  // namespace
}  // namespace parley
