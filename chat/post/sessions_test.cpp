#include "chat/post/sessions.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <random>
#include <set>
#include <utility>
#include <vector>

namespace chat {
namespace {

using parley::TransportId;

TEST(SessionsTest, AreFoundByTheirNumbersAlone) {
  Sessions sessions;
  EXPECT_EQ(sessions.transport_of(SessionId{}), TransportId{});
  EXPECT_EQ(sessions.transport_of(SessionId{0, 1}), TransportId{});
  const SessionId ann = sessions.add({7, 3});
  const SessionId bob = sessions.add({2, 0});
  EXPECT_EQ(sessions.transport_of(ann), (TransportId{7, 3}));
  EXPECT_EQ(sessions.transport_of(bob), (TransportId{2, 0}));
  EXPECT_EQ(sessions.id_of(ann.index), ann);
  sessions.remove(ann);
  EXPECT_EQ(sessions.transport_of(ann), TransportId{});
  EXPECT_EQ(sessions.size(), 1U);
}

// The place of a session is used again, its number never: neither for another connection, nor for the same
// one, whose own number may be as it was.
TEST(SessionsTest, ANumberIsNeverGivenTwice) {
  Sessions sessions;
  std::mt19937 random(1);
  std::set<SessionId> given;
  std::vector<std::pair<SessionId, TransportId>> there;
  std::vector<SessionId> gone;
  std::uint32_t most = 0;
  for (int step = 0; step < 5000; ++step) {
    if (there.size() < 20 && (there.empty() || random() % 2 == 0)) {
      const TransportId transport{static_cast<std::uint32_t>(random() % 3), 0};
      const SessionId session = sessions.add(transport);
      EXPECT_TRUE(given.insert(session).second) << session.index << '.' << session.generation;
      there.emplace_back(session, transport);
      most = std::max(most, session.index);
    } else {
      std::swap(there[random() % there.size()], there.back());
      sessions.remove(there.back().first);
      gone.push_back(there.back().first);
      there.pop_back();
    }
    for (const auto& [session, transport] : there) ASSERT_EQ(sessions.transport_of(session), transport);
  }
  for (const SessionId session : gone) ASSERT_EQ(sessions.transport_of(session), TransportId{});
  EXPECT_LT(most, 20U) << "numbers are dense: others keep tables by them";
}

// An idle client is to fit in 256 bytes altogether; this is what its number costs.
static_assert(Sessions::bytes_per_session() <= 12);

}  // namespace
}  // namespace chat
