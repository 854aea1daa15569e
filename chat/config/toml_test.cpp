#include "chat/config/toml.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>
#include <string_view>

#include "chat/config/file.h"

namespace chat {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

// What the configuration is refused with; empty when it is taken.
std::string refusal(std::string_view text) {
  try {
    parse_config(text, "p.toml");
    return {};
  } catch (const ConfigError& error) {
    return error.what();
  }
}

std::string parts(std::size_t count) {
  std::string key = "a";
  while (--count > 0) key += ".a";
  return key;
}

// The value of x.
std::string read(std::string_view text) {
  return toml::parse(text)["x"].value_or(std::string("none"));
}

TEST(TomlTest, WhatIsAssertedIsAMistakeOfTheText) {
  EXPECT_EQ(refusal("[;B1B"), "p.toml:1: this is no TOML");
  for (const char* wrong : {"[;", "[[;", "[[[a]]", "[[ [a]]", "[ ;", "[[ ;", "[=", "[.a]", "[[.a]]", "[\n",
                            "[#", "[{", "[+", "[\x01", "[\xd0\xba]", "x = 1979-05-27T:3702:00Z"}) {
    EXPECT_EQ(refusal(std::string("[log]\n\t") + wrong + "\n[limits]\n\n"), "p.toml:2: this is no TOML")
        << wrong;
  }
}

TEST(TomlTest, LettersBeyondAsciiAreNoWhiteSpace) {
  // Of each range that toml++ 3.3 takes to be unreachable, and of others.
  for (const std::string letter : {"é", "к", "ⱞ", "、", "ﹶ", "\xef\xb8\x8f", "字", "😀"}) {
    for (const std::string& text :
         {letter + " = 1", "x = " + letter, "x = 1" + letter, "x = \"\"" + letter, "x " + letter,
          "x = [1," + letter + "]", "x = 26x.\"" + letter + "\"", "x = \"\"\"\\" + letter + "\"\"\""}) {
      EXPECT_THAT(refusal("[log]\n" + text), StartsWith("p.toml:2: Error while parsing")) << text;
    }
    EXPECT_EQ(refusal("# " + letter + "\n[[listener]] # " + letter + "\nroom = \"#" + letter + '"'), "");
    EXPECT_THAT(refusal("[log]\n\"" + letter + "\" = 1"), StartsWith("p.toml:2: unknown key log." + letter));
    for (const std::string quote : {"\"", "'", "\"\"\"", "'''"}) {
      EXPECT_EQ(read("x = " + quote + letter + quote), letter);
    }
    // A backslash at a line's end takes what white space follows.
    EXPECT_EQ(read("x = \"\"\"\\\n " + letter + "\"\"\""), letter);
    EXPECT_EQ(read("x = \"\"\"a\\ \r\n\n\t" + letter + "\\\n" + letter + "\"\"\""), "a" + letter + letter);
  }
}

TEST(TomlTest, KeysHaveNotTooManyParts) {
  const std::string says = "p.toml:3: a key has more than 16 parts";
  for (const std::size_t count : {most_key_parts + 1, std::size_t{200'000}}) {
    const std::string before = "x = \"\"\"\n'\"\"\"\"\"\n";
    EXPECT_EQ(refusal(before + parts(count) + " = 1"), says);
    EXPECT_EQ(refusal(before + "[" + parts(count) + "]"), says);
    EXPECT_EQ(refusal(before + "y = {" + parts(count) + " = 1}"), says);
    EXPECT_EQ(refusal(before + "[\"a\"." + parts(count - 1) + "]"), says);
  }
  for (const std::string& before :
       {"[" + parts(most_key_parts) + "]\n", "# " + parts(50) + '\n', "x = \"\\\"" + parts(50) + "\"\n",
        "x = '''\n" + parts(50) + "\n''' # '\n",
        std::string("x = [1.5,2.5,3.5,4.5,5.5,6.5,7.5,8.5,9.5,0.5,1.5,2.5,3.5,4.5,5.5,6.5,7.5]\n")}) {
    EXPECT_EQ(line_of_long_key(before), std::nullopt) << before;
    EXPECT_NE(line_of_long_key(before + parts(50)), std::nullopt) << before;
  }
  // As deep as toml++ lets values be, with keys as long as they may be.
  std::string deep = "x = ";
  for (int i = 0; i < 250; ++i) deep += "{" + parts(most_key_parts) + " = ";
  EXPECT_THAT(refusal(deep + "1" + std::string(250, '}')), HasSubstr("unknown section [x]"));
}

}  // namespace
}  // namespace chat
