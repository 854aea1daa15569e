#pragma once

// Private to Parley.

#include <cstddef>

#include "parley/socket/descriptors.h"

namespace parley {

// A descriptor of our own for an input or an output that is shared with other programs, a standard one above
// all.
struct SharedStream {
  Descriptor descriptor;
  // That many bytes can be written at once where it is ready.
  std::size_t at_once = 0;
  // Of an output: it is ready to be read once nobody reads it any more, and never else.
  bool tells_hang_up = false;
};

// A terminal or a pipe is opened anew, so as not to block, where that may be; else it is a duplicate, and
// blocks as it did. Throws std::system_error.
SharedStream own_stream(int number, bool writes);

// Nothing more is written: a socket's direction ends, anything else is closed, in both numbers. `/dev/null`
// takes the place of `number`, so that what is opened next does not.
void end_output(Descriptor& own, int number) noexcept;

}  // namespace parley
