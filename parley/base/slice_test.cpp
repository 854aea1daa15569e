#include "parley/base/slice.h"

#include <gtest/gtest.h>

namespace parley {
namespace {

TEST(Slice, KeepsItsBytesAlive) {
  Slice copy;
  {
    const Slice slice(std::string(100, 'a') + "end");
    copy = slice;
  }
  copy.remove_prefix(100);
  EXPECT_EQ(copy.view(), "end");
}

TEST(Slice, ReleasesItsOwnerWithTheLastCopy) {
  const auto owner = std::make_shared<int>(1);
  {
    const Slice slice("static", owner);
    const Slice copy = slice;
    EXPECT_EQ(owner.use_count(), 3);
    EXPECT_EQ(copy.view(), "static");
  }
  EXPECT_EQ(owner.use_count(), 1);
}

}  // namespace
}  // namespace parley
