#pragma once

// Private to Parley.

#include <string>
#include <vector>

namespace parley {

// The service manager's variables (sd_listen_fds(3)); null where there is none of that name.
struct ListenVariables {
  const char* pid = nullptr;    // LISTEN_PID
  const char* count = nullptr;  // LISTEN_FDS
  const char* names = nullptr;  // LISTEN_FDNAMES
};

// The names of the descriptors that are for process `own`, one for each, "unknown" where it has none; nothing
// where they are for another. Throws std::runtime_error, which names the variable that makes no sense.
std::vector<std::string> listen_names(const ListenVariables& variables, int own);

}  // namespace parley
