#include "parley/base/result.h"

#include <gtest/gtest.h>
#include <memory>
#include <string>

namespace parley {
namespace {

TEST(Result, HoldsAValueOrAReason) {
  const Result<std::string> good = std::string("yes");
  ASSERT_TRUE(good);
  EXPECT_EQ(*good, "yes");
  EXPECT_EQ(good->size(), 3U);
  const Result<std::string> bad = std::make_error_code(std::errc::timed_out);
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error(), std::errc::timed_out);
}

TEST(Result, TellsValueFromReasonWhenBothAreOfOneKind) {
  const Result<std::string, std::string_view> bad = std::string_view("why");
  EXPECT_FALSE(bad.ok());
  EXPECT_EQ(bad.error(), "why");
}

TEST(Result, GivesItsValueAway) {
  Result<std::unique_ptr<int>> owned = std::make_unique<int>(4);
  const std::unique_ptr<int> taken = *std::move(owned);
  EXPECT_EQ(*taken, 4);
}

}  // namespace
}  // namespace parley
