#include "parley/base/print.h"

#include <cstdint>
#include <gtest/gtest.h>
#include <limits>
#include <sstream>

namespace parley {
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
