#include "parley/process/privileges.h"

#include <cerrno>
#include <fcntl.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <pwd.h>
#include <stdexcept>
#include <system_error>
#include <unistd.h>

#include "parley/process/child.h"

namespace parley {
namespace {

#define HOLDS(condition) \
  if (!(condition)) return __LINE__ % 256

TEST(Privileges, UsersAreFoundByName) {
  const passwd* const entry = ::getpwuid(::getuid());
  if (entry == nullptr) GTEST_SKIP() << "this process's user has no name";
  const UserIdentity me = find_user(entry->pw_name);
  EXPECT_EQ(me.name, entry->pw_name);
  EXPECT_EQ(me.user, ::getuid());
  EXPECT_EQ(me.group, entry->pw_gid);
  EXPECT_NE(std::find(me.groups.begin(), me.groups.end(), me.group), me.groups.end());
  EXPECT_THROW(find_user("no-such-user"), std::invalid_argument);
  EXPECT_THROW(find_user(""), std::invalid_argument);
  EXPECT_THROW(find_user(std::string(entry->pw_name) + std::string("\0x", 2)), std::invalid_argument);
}

class RootsPrivileges : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "this is root's";
    if (::getpwnam("nobody") == nullptr) GTEST_SKIP() << "there is no user nobody";
  }
};

TEST_F(RootsPrivileges, AreGoneForGood) {
  Child child([] {
    const gid_t some[] = {0, 4242};
    HOLDS(::setgroups(2, some) == 0);
    const UserIdentity nobody = find_user("nobody");
    drop_privileges(nobody);
    uid_t users[3];
    gid_t groups[3];
    HOLDS(::getresuid(&users[0], &users[1], &users[2]) == 0 &&
          ::getresgid(&groups[0], &groups[1], &groups[2]) == 0);
    for (const uid_t user : users) HOLDS(user == nobody.user);
    for (const gid_t group : groups) HOLDS(group == nobody.group);
    gid_t list[64];
    const int count = ::getgroups(64, list);
    HOLDS(count == static_cast<int>(nobody.groups.size()));
    for (int i = 0; i < count; ++i) HOLDS(list[i] != 0 && list[i] != 4242);
    HOLDS(::setuid(0) != 0 && errno == EPERM);
    HOLDS(::setgid(0) != 0 && errno == EPERM);
    HOLDS(::setgroups(2, some) != 0);
    HOLDS(::open("/proc/1/mem", O_RDONLY) < 0);
    drop_privileges(nobody);  // it is that already
    return 0;
  });
  EXPECT_EQ(child.wait().exit_code(), 0);
}

TEST_F(RootsPrivileges, AreNotAnotherUsersToDrop) {
  Child child([] {
    UserIdentity other = find_user("nobody");
    drop_privileges(other);
    other.user += 1;
    try {
      drop_privileges(other);
    } catch (const std::system_error& error) {
      return error.code() == std::errc::operation_not_permitted ? 0 : 2;
    }
    return 1;
  });
  EXPECT_EQ(child.wait().exit_code(), 0);
}

TEST_F(RootsPrivileges, AreNotDroppedToRoot) {
  Child child([] {
    try {
      drop_privileges(find_user("root"));
    } catch (const std::invalid_argument&) {
      return 0;
    }
    return 1;
  });
  EXPECT_EQ(child.wait().exit_code(), 0);
}

}  // namespace
}  // namespace parley
