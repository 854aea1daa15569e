#include "parley/line/netstring_receiver.h"

#include "parley/line/every_split_fixture.h"

namespace parley {
namespace {

static_assert(sizeof(NetstringReceiver) <= 32);

class Strings : public NetstringReceiver {
 public:
  Strings(StringTransport& transport, bool pauses, std::uint32_t max_length = 12)
      : NetstringReceiver(max_length), notes(transport, pauses) {}

  void string_received(std::string_view string) override { notes.note("", string); }
  void malformed(std::string_view why) override { notes.note("malformed: ", why); }

  Notes notes;
};

TEST(NetstringReceiver, EverySplit) {
  expect_at_every_split<Strings>("12:hello world!,0:,3:a,b,5:pause,1:\n,2:xx",
                                 {"hello world!", "", "a,b", "pause", "\n"});
  expect_at_every_split<Strings>("1:a,4:quit,1:b,", {"a", "quit"});
  expect_at_every_split<Strings>("1:a,5:abort,1:b,", {"a", "abort"});
}

TEST(NetstringReceiver, WhatIsMalformedEndsTheConnectionAtEverySplit) {
  const Events colon{"a", "malformed: a length is not a number with a colon behind it"};
  for (const std::string_view end : {"x1:a,", ":a,", "3;abc,", "-1:a,", " 1:a,", "1 :a,"}) {
    expect_at_every_split<Strings>("1:a," + std::string(end), colon);
  }
  expect_at_every_split<Strings>("1:a,3:abcd,1:a,", {"a", "malformed: a string does not end with a comma"});
  expect_at_every_split<Strings>("1:a,01:b,", {"a", "malformed: a length begins with a zero"});
  for (const std::string_view end : {"13:", "99999999999999999999999999999999:"}) {
    expect_at_every_split<Strings>("1:a," + std::string(end),
                                   {"a", "malformed: a string is longer than the limit"});
  }
}

TEST(NetstringReceiver, ALengthOverTheLimitIsRefusedBeforeTheStringComes) {
  Connected<Strings> strings;
  strings.transport.receive("13");
  EXPECT_EQ(strings.events(), Events{"malformed: a string is longer than the limit"});
  EXPECT_TRUE(strings.transport.closing());
}

TEST(NetstringReceiver, LastWordsMayBeSaid) {
  Connected<Strings> strings;
  strings.receiver.notes.on_note = [&](std::string_view why) {
    strings.receiver.send_string(why.substr(0, 8));
  };
  strings.transport.receive("?");
  EXPECT_EQ(strings.transport.written(), "8:a length,");
  EXPECT_TRUE(strings.transport.closing());
}

TEST(NetstringReceiver, WhatIsSentIsReceived) {
  Connected<Strings> strings;
  for (const std::string_view string : {"", "x", "hello world!"}) strings.receiver.send_string(string);
  EXPECT_EQ(strings.transport.written(), "0:,1:x,12:hello world!,");
}

}  // namespace
}  // namespace parley
