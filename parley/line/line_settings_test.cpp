#include <gtest/gtest.h>
#include <stdexcept>
#include <string>
#include <string_view>

#include "parley/line/line_only_receiver.h"
#include "parley/line/line_receiver.h"

namespace parley {
namespace {

template <class Receiver>
struct Plain final : Receiver {
  using Receiver::Receiver;
  void line_received(std::string_view /*line*/) override {}
};

template <class Receiver>
class LineSettingsTest : public testing::Test {};
using Both = testing::Types<Plain<LineReceiver>, Plain<LineOnlyReceiver>>;
TYPED_TEST_SUITE(LineSettingsTest, Both);

TYPED_TEST(LineSettingsTest, ThatCannotBeAreRefused) {
  const std::string longest(255, 'x'), too_long(256, 'x');
  EXPECT_NO_THROW(TypeParam({.delimiter = longest, .max_length = 1}));
  EXPECT_THROW(TypeParam({.delimiter = too_long}), std::invalid_argument);  // it would be none at all
  EXPECT_THROW(TypeParam({.max_length = 0}), std::invalid_argument);
}

}  // namespace
}  // namespace parley
