#include "parley/base/slab.h"

#include <gtest/gtest.h>
#include <vector>

namespace parley {
namespace {

TEST(Slab, AddressesAreStableAndIndicesSmall) {
  Slab<int, 4> slab;
  std::vector<int*> places;
  for (int i = 0; i < 100; ++i) {
    auto [memory, index] = slab.allocate();
    EXPECT_EQ(index, static_cast<std::uint32_t>(i));
    places.push_back(new (memory) int(i));
  }
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(places[static_cast<std::size_t>(i)], &slab[static_cast<std::uint32_t>(i)]);
    EXPECT_EQ(*places[static_cast<std::size_t>(i)], i);
    EXPECT_EQ(slab.index_of(*places[static_cast<std::size_t>(i)]), static_cast<std::uint32_t>(i));
  }
  EXPECT_EQ(slab.size(), 100U);
}

TEST(Slab, AReleasedPlaceIsUsedAgain) {
  Slab<int, 4> slab;
  for (int i = 0; i < 8; ++i) slab.allocate();
  slab.release(3);
  slab.release(5);
  EXPECT_EQ(slab.size(), 6U);
  EXPECT_EQ(slab.allocate().second, 5U);
  EXPECT_EQ(slab.allocate().second, 3U);
  EXPECT_EQ(slab.allocate().second, 8U);
}

}  // namespace
}  // namespace parley
