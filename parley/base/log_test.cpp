#include "parley/base/log.h"

#include <gtest/gtest.h>

namespace parley {
namespace {

TEST(StandardLogTest, SaysWarningsAndErrorsInALineEach) {
  testing::internal::CaptureStderr();
  standard_log().write(Level::info, "not this");
  standard_log().write(Level::warn, "careful, \xc3\xa9");
  standard_log().write(Level::error, "what\nothers\x1b[1m chose\x7f\xc2\x9b");
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "parley: warning: careful, \xc3\xa9\nparley: error: what others [1m chose   \n");
}

}  // namespace
}  // namespace parley
