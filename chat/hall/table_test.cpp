#include "chat/hall/table.h"

#include <gtest/gtest.h>
#include <set>
#include <string>
#include <vector>

namespace chat {
namespace {

using ThingId = Id<struct ThingTag>;

TEST(TableTest, FindsWhatIsThereAndNothingElse) {
  Table<ThingId, std::string> table;
  EXPECT_EQ(table.find(ThingId{}), nullptr);
  const ThingId one = table.add("one");
  const ThingId two = table.add("two");
  EXPECT_EQ(*table.find(one), "one");
  EXPECT_EQ(*table.find(two), "two");
  table.remove(one.index);
  EXPECT_EQ(table.find(one), nullptr);
  const ThingId three = table.add("three");
  EXPECT_EQ(three.index, one.index);
  EXPECT_NE(three, one);
  EXPECT_EQ(table.find(one), nullptr);
  EXPECT_EQ(*table.find(three), "three");
  EXPECT_EQ(table.size(), 2U);
}

TEST(TableTest, GivesNoNumberTwiceAndMovesNoRow) {
  Table<ThingId, int> table;
  std::set<ThingId> seen;
  std::vector<ThingId> there;
  const ThingId first = table.add(-1);
  const int* place = table.find(first);
  for (int i = 0; i < 5000; ++i) {
    there.push_back(table.add(i));
    EXPECT_TRUE(seen.insert(there.back()).second);
    if (i % 3 == 0) {
      table.remove(there[there.size() / 2].index);
      there.erase(there.begin() + static_cast<std::ptrdiff_t>(there.size() / 2));
    }
  }
  EXPECT_EQ(table.find(first), place);
  EXPECT_EQ(table.size(), there.size() + 1);
}

}  // namespace
}  // namespace chat
