#pragma once

// Private to Parley.

#include <string>
#include <vector>

#include "parley/process/child.h"
#include "parley/process/spawn_settings.h"
#include "parley/socket/descriptors.h"

namespace parley {

// A child that runs another program, and our ends of its pipes, which do not block; none where it has no
// pipe.
struct Spawned {
  Child child;
  Descriptor input;
  Descriptor output;
  Descriptor error;
};

// Starts a program: the first of `arguments`, looked for in PATH unless it contains a slash. The child
// begins with every signal let in and at its default, and with no descriptor open but 0, 1 and 2 (before
// Linux 5.11: none that is closed on exec). It waits until the program has begun. Throws std::system_error
// with the program and the reason when it cannot, std::invalid_argument for arguments that cannot be.
Spawned spawn(const std::vector<std::string>& arguments, const SpawnSettings& settings);

}  // namespace parley
