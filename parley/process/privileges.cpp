#include "parley/process/privileges.h"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <grp.h>
#include <pwd.h>
#include <stdexcept>
#include <sys/types.h>
#include <system_error>
#include <unistd.h>

#include "parley/base/print.h"

namespace parley {

namespace {

[[noreturn]] void fail(std::string_view what, std::string_view name, int error) {
  throw std::system_error(error, std::generic_category(), concat(what, " \"", name, '"'));
}

std::vector<gid_t> groups_now() {
  const int count = ::getgroups(0, nullptr);
  std::vector<gid_t> groups(static_cast<std::size_t>(std::max(count, 0)));
  if (count < 0 || ::getgroups(count, groups.data()) != count) groups.assign(1, static_cast<gid_t>(-1));
  std::ranges::sort(groups);
  return groups;
}

bool is(const UserIdentity& who) {
  uid_t users[3];
  gid_t groups[3];
  if (::getresuid(&users[0], &users[1], &users[2]) != 0) return false;
  if (::getresgid(&groups[0], &groups[1], &groups[2]) != 0) return false;
  return std::ranges::count(users, who.user) == 3 && std::ranges::count(groups, who.group) == 3;
}

}  // namespace

UserIdentity find_user(std::string_view name) {
  UserIdentity found{.name = std::string(name)};
  std::vector<char> memory(1024);
  passwd entry{};
  passwd* result = nullptr;
  int error = 0;
  while ((error = ::getpwnam_r(found.name.c_str(), &entry, memory.data(), memory.size(), &result)) ==
         ERANGE) {
    memory.resize(memory.size() * 2);
  }
  if (result == nullptr && error != 0 && error != ENOENT) fail("looking up the user", name, error);
  if (result == nullptr || name.find('\0') != name.npos) {
    throw std::invalid_argument(concat("there is no user \"", name, '"'));
  }
  found.user = entry.pw_uid;
  found.group = entry.pw_gid;
  int count = 64;
  found.groups.resize(static_cast<std::size_t>(count));
  while (::getgrouplist(found.name.c_str(), entry.pw_gid, found.groups.data(), &count) < 0) {
    count = std::max(count, static_cast<int>(found.groups.size()) * 2);
    found.groups.resize(static_cast<std::size_t>(count));
  }
  found.groups.resize(static_cast<std::size_t>(count));
  return found;
}

void drop_privileges(const UserIdentity& to) {
  if (to.user == 0) throw std::invalid_argument("drop_privileges: root keeps every privilege");
  if (::geteuid() != 0 && is(to)) return;
  // Groups first: only root may give them away.
  if (::setgroups(to.groups.size(), to.groups.data()) != 0) fail("taking the groups of", to.name, errno);
  if (::setresgid(to.group, to.group, to.group) != 0) fail("taking the group of", to.name, errno);
  if (::setresuid(to.user, to.user, to.user) != 0) fail("becoming the user", to.name, errno);
  std::vector<gid_t> wanted(to.groups.begin(), to.groups.end());
  std::ranges::sort(wanted);
  if (!is(to) || groups_now() != wanted || ::setuid(0) == 0) fail("not wholly the user", to.name, EPERM);
}

}  // namespace parley
