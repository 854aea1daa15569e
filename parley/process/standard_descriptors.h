#pragma once

namespace parley {

// Opens /dev/null in place of stdin, stdout and stderr where a process was started without them: the
// next descriptor it opens would become its stdout otherwise, and a peer would hear what was meant for a
// terminal. To be called before anything is opened. Throws std::system_error.
void open_standard_descriptors();

}  // namespace parley
