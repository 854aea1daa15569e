#include "parley/base/print.h"

#define FMT_HEADER_ONLY  // whatever standard library this is built with

#include <cstdint>
#include <fmt/ostream.h>
#include <gtest/gtest.h>
#include <limits>
#include <sstream>
#include <version>
#ifdef __cpp_lib_format
#include <format>
#endif

namespace parley {

// Beside the library's values, so that argument-dependent look-up finds operator<< for it as for them.
struct Corner {
  int x;
  int y;
};
inline void print(Writer& out, const Corner& corner) {
  print_all(out, '(', corner.x, ", ", corner.y, ')');
}

namespace {

struct Point {
  int x;
  int y;
};
void print(Writer& out, const Point& point) {
  print_all(out, '(', point.x, ", ", point.y, ')');
}

enum class Colour : std::uint8_t { red };
void print(Writer& out, Colour) {
  print(out, "red");
}

TEST(Print, PrintsTextAndNumbers) {
  EXPECT_EQ(concat("a", 'b', std::string("c"), std::string_view("d"), -5, 7U), "abcd-57");
  EXPECT_EQ(concat(std::numeric_limits<std::int64_t>::min()), "-9223372036854775808");
  EXPECT_EQ(concat(std::numeric_limits<std::uint64_t>::max()), "18446744073709551615");
}

TEST(Print, AValueGoesToAStreamThroughTheSameFunction) {
  std::ostringstream out;
  out << Point{1, -2} << '.' << Colour::red;
  EXPECT_EQ(out.str(), "(1, -2).red");
  EXPECT_EQ(concat(Point{1, -2}), "(1, -2)");
}

TEST(Print, FormatKeepsTheMeaningThatFmtAndStdGiveIt) {
  const std::string name = "Megan";
  // Though std's functions are candidates too, by the arguments.
  EXPECT_EQ(concat(name, ' ', 7), "Megan 7");
  EXPECT_EQ(fmt::format("{}: {:>8}", name, fmt::streamed(Corner{1, 2})), "Megan:   (1, 2)");
#ifdef __cpp_lib_format
  EXPECT_EQ(format("{} {}", name, concat(Corner{1, 2})), "Megan (1, 2)");
#endif
}

TEST(Print, ALongTextOutgrowsTheBufferAndKeepsWhatWasPut) {
  TextWriter out;
  std::string expected;
  for (int i = 0; i < 2000; ++i) {
    print_all(out, i, ' ');
    expected += std::to_string(i) + ' ';
  }
  out.put(std::string(5000, 'x'));
  expected += std::string(5000, 'x');
  EXPECT_EQ(out.text(), expected);
}

}  // namespace
}  // namespace parley
