#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace parley {

// A user of this machine, and the groups that user is in.
struct UserIdentity {
  std::string name;
  unsigned user = 0;
  unsigned group = 0;              // the user's own
  std::vector<unsigned> groups{};  // all of them
};

// Looks a user up by name. Throws std::invalid_argument where there is none, std::system_error.
UserIdentity find_user(std::string_view name);

// This process, all of its threads, is that user's from now on, for good: groups, group and user are given
// away in this order, real, effective and saved, and it is made sure that they cannot be had back. It needs
// to be root's, or that user's already. Throws std::invalid_argument for root, to whom nothing can be
// dropped; std::system_error, after which the process may be half way, and should end.
void drop_privileges(const UserIdentity& to);

}  // namespace parley
