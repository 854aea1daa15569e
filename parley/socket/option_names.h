#pragma once

// Private to socket/: what messages call an option.

#include <string>

namespace parley {

// As `options` calls it; `option 9999 of level 1` for one that it has not.
std::string name_of_option(int level, int name);

}  // namespace parley
