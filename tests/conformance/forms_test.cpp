// Groups whose members are told the same messages in several wire forms.

#include <array>
#include <deque>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "parley/reactor/group.h"
#include "tests/conformance/conformance.h"

namespace parley::conformance {
namespace {

// The message between two letters of its own, with its length before it.
class Marked final : public Form {
 public:
  explicit Marked(char mark) : mark_(mark) {}
  void encode(std::string_view message, Writer& out) override {
    ++encoded;
    print_all(out, mark_, message.size(), ":", message, mark_);
  }

  int encoded = 0;

 private:
  char mark_;
};

class Fails final : public Form {
 public:
  void encode(std::string_view message, Writer& out) override {
    out.put(message);
    if (failing) throw std::runtime_error("no such form");
  }

  bool failing = true;
};

class FormsOfGroups : public Conformance {
 protected:
  // What it is told in the end is that.
  void expect(const Client& client, std::string_view what) {
    until([&] { return client.peer->received().size() >= what.size(); });
    EXPECT_EQ(client.peer->received(), what);
  }
};
PARLEY_CONFORMANCE(FormsOfGroups);

TEST_P(FormsOfGroups, EachIsToldInItsForm) {
  Group group(reactor());
  Marked a('a');
  Marked b('b');
  const Client plain = join();
  const Client first = join();
  const Client second = join();
  const Client other = join();
  group.add(plain.wire());
  group.add(first.wire(), a);
  group.add(second.wire(), a);
  group.add(other.wire(), b);
  EXPECT_EQ(group.size(), 4U);
  group.broadcast("one");
  group.broadcast("number ", 2);
  group.broadcast("");
  expect(plain, "onenumber 2");
  expect(first,
         "a3:onea"
         "a8:number 2a"
         "a0:a");
  expect(second,
         "a3:onea"
         "a8:number 2a"
         "a0:a");
  expect(other,
         "b3:oneb"
         "b8:number 2b"
         "b0:b");
  EXPECT_EQ(a.encoded, 3);  // not for each who is told
}

TEST_P(FormsOfGroups, GroupsAndSingleWritesKeepOneOrder) {
  Group one(reactor());
  Group two(reactor());
  Marked a('a');
  const Client plain = join();
  const Client marked = join();
  one.add(plain.wire());
  one.add(marked.wire(), a);
  two.add(marked.wire(), a);
  two.add(plain.wire());
  one.broadcast("1");
  two.broadcast("2");
  marked.wire().write("(3)");
  two.broadcast("4");
  plain.wire().write("(5)");
  one.broadcast("6");
  marked.wire().write(Slice::permanent("(7)"));
  two.broadcast("8");
  two.remove(marked.wire());
  two.broadcast("9");
  marked.wire().lose_connection();
  one.broadcast("x");
  expect(plain, "124(5)689x");
  expect(marked, "a1:1aa1:2a(3)a1:4aa1:6a(7)a1:8a");
}

TEST_P(FormsOfGroups, OneIsLeftOut) {
  Group group(reactor());
  Marked a('a');
  const Client plain = join();
  const Client first = join();
  const Client second = join();
  const Client stranger = join();
  group.add(plain.wire());
  group.add(first.wire(), a);
  group.add(second.wire(), a);
  group.broadcast(omit(first.wire()), "1");
  group.broadcast(omit(plain.wire()), "2");
  group.broadcast(omit(stranger.wire()), "3");
  group.add(stranger.wire(), a);  // who was left out as no member is not left out as one
  group.broadcast(omit(second.wire()), "4");
  group.broadcast(omit(stranger.wire()), "5");
  group.broadcast(omit(first.wire()), "6");
  expect(plain, "13456");
  expect(first, "a1:2aa1:3aa1:4aa1:5a");
  expect(second, "a1:1aa1:2aa1:3aa1:5aa1:6a");
  expect(stranger, "a1:4aa1:6a");
}

TEST_P(FormsOfGroups, MembersLeaveByThemselves) {
  Marked a('a');
  Group group(reactor());
  std::vector<Client> clients;
  for (int i = 0; i < 4; ++i) {
    clients.push_back(join());
    group.add(clients.back().wire(), a);
  }
  clients[0].peer->close();
  clients[1].wire().abort_connection();
  ASSERT_TRUE(until([&] { return reactor().connections() == 2; }));
  EXPECT_EQ(group.size(), 2U);
  const Client next = join();  // in a place that was used, and no member
  group.broadcast("x");
  expect(clients[2], "a1:xa");
  expect(clients[3], "a1:xa");
  EXPECT_EQ(next.peer->received(), "");
  clients[2].wire().lose_connection();
  clients[3].wire().lose_connection();
  ASSERT_TRUE(until([&] { return reactor().connections() == 1; }));
  const int before = a.encoded;
  group.broadcast("nobody hears it");
  EXPECT_EQ(a.encoded, before);
}

TEST_P(FormsOfGroups, AGroupThatGoesHasSaidWhatItSaid) {
  Marked a('a');
  auto group = std::make_unique<Group>(reactor());
  const Client client = join();
  group->add(client.wire(), a);
  group->broadcast("last words");
  group.reset();
  expect(client, "a10:last wordsa");
}

TEST_P(FormsOfGroups, ASecondFormIsRefused) {
  Marked a('a');
  Marked b('b');
  Group one(reactor());
  Group two(reactor());
  const Client client = join();
  one.add(client.wire(), a);
  EXPECT_THROW(two.add(client.wire(), b), std::logic_error);
  EXPECT_THROW(two.add(client.wire()), std::logic_error);
  EXPECT_THROW(one.add(client.wire(), b), std::logic_error);
  two.add(client.wire(), a);
  one.broadcast("1");
  two.broadcast("2");
  one.remove(client.wire());
  EXPECT_THROW(one.add(client.wire(), b), std::logic_error);  // it is in the other group still
  two.remove(client.wire());
  one.add(client.wire(), b);
  one.broadcast("3");
  EXPECT_THROW(two.add(client.wire()), std::logic_error);
  one.remove(client.wire());
  two.add(client.wire());
  two.broadcast("4");
  EXPECT_THROW(one.add(client.wire(), a), std::logic_error);
  expect(client, "a1:1aa1:2ab1:3b4");
}

TEST_P(FormsOfGroups, ASeventeenthFormIsRefused) {
  std::deque<Marked> forms;
  for (char mark = 'a'; mark <= 'z'; ++mark) forms.emplace_back(mark);
  auto group = std::make_unique<Group>(reactor());
  Group other(reactor());
  std::vector<Client> clients;
  for (int i = 0; i < 17; ++i) clients.push_back(join());
  group->add(clients[0].wire());  // the plain one is the first of them
  for (std::size_t i = 1; i < 16; ++i) group->add(clients[i].wire(), forms[i]);
  EXPECT_THROW(group->add(clients[16].wire(), forms[16]), std::length_error);
  group->add(clients[16].wire(), forms[3]);
  group->broadcast("1");
  // A place is free again when a member leaves, when its connection is lost, when its group is destroyed.
  group->remove(clients[1].wire());
  other.add(clients[1].wire(), forms[16]);
  EXPECT_THROW(other.add(clients[0].wire(), forms[17]), std::logic_error);
  clients[2].peer->reset();
  ASSERT_TRUE(until([&] { return reactor().connections() == 16; }));
  const Client next = join();
  group->add(next.wire(), forms[17]);
  EXPECT_THROW(other.add(clients[3].wire(), forms[18]), std::logic_error);
  group->broadcast("2");
  group.reset();
  for (std::size_t i = 3; i < 17; ++i) other.add(clients[i].wire(), forms[i + 4]);
  other.broadcast("3");
  expect(clients[0], "12");
  expect(clients[1], "b1:1bq1:3q");
  expect(next, "r1:2r");
  expect(clients[5], "f1:1ff1:2fj1:3j");
  expect(clients[16], "d1:1dd1:2du1:3u");
}

TEST_P(FormsOfGroups, WhereOneThrowsNothingWasSent) {
  Marked a('a');
  Fails fails;
  Group group(reactor());
  const Client plain = join();
  const Client before = join();
  const Client failed = join();
  const Client after = join();
  Marked b('b');
  group.add(plain.wire());
  group.add(before.wire(), a);
  group.add(failed.wire(), fails);
  group.add(after.wire(), b);
  fails.failing = false;
  group.broadcast("1");
  fails.failing = true;
  EXPECT_THROW(group.broadcast("2"), std::runtime_error);
  EXPECT_THROW(group.broadcast(omit(plain.wire()), "3"), std::runtime_error);
  fails.failing = false;
  group.broadcast("4");
  expect(plain, "14");
  expect(before, "a1:1aa1:4a");
  expect(failed, "14");
  expect(after, "b1:1bb1:4b");
}

// Where nobody is told the plain form, a message that was printed to be encoded leaves no trace.
TEST_P(FormsOfGroups, ARoomWithoutPlainMembers) {
  Marked a('a');
  Group marked(reactor());
  Group plain(reactor());
  const Client one = join();
  const Client two = join();
  marked.add(one.wire(), a);
  plain.add(two.wire());
  for (int i = 0; i < 5; ++i) {
    marked.broadcast("m", i);
    plain.broadcast("p", i);
  }
  expect(one, "a2:m0aa2:m1aa2:m2aa2:m3aa2:m4a");
  expect(two, "p0p1p2p3p4");
}

// Many messages, in all forms, to peers that take them at their own speed: tapes are used again while writes
// are pending, and the limit of what stands on them is of all together.
TEST_P(FormsOfGroups, MuchIsToldInManyForms) {
  std::deque<Marked> forms;
  for (char mark = 'a'; mark < 'e'; ++mark) forms.emplace_back(mark);
  Group group(reactor());
  std::vector<Client> clients;
  for (std::size_t i = 0; i < 8; ++i) {
    clients.push_back(join({}, i % 2 == 1));
    group.add(clients.back().wire(), forms[i % 4]);
  }
  std::vector<std::string> told(4);
  for (int i = 0; i < 60; ++i) {
    const std::string text = text_of(2000, std::to_string(i) + '#');
    for (std::size_t form = 0; form < 4; ++form) {
      const char mark = static_cast<char>('a' + static_cast<int>(form));
      told[form] += concat(mark, text.size(), ":", text, mark);
    }
    group.broadcast(text);
    if (i % 3 == 0) turn();
  }
  for (std::size_t i = 0; i < 8; ++i) {
    ASSERT_TRUE(until([&] { return clients[i].peer->received().size() >= told[i % 4].size(); }));
    EXPECT_SAME(clients[i].peer->received(), told[i % 4]);
  }
}

}  // namespace
}  // namespace parley::conformance
