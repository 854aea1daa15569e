#pragma once

// Private to Parley.

#include <cstddef>
#include <span>
#include <string_view>
#include <system_error>

#include "parley/base/result.h"

namespace parley {

// Reads what is there from a pipe that does not block; 0 at its end. Where nothing is there:
// std::errc::resource_unavailable_try_again.
Result<std::size_t> read_pipe(int descriptor, std::span<char> memory);

// Writes what there is room for. Where nobody reads any more: std::errc::broken_pipe, and no SIGPIPE,
// whatever the program does about that.
Result<std::size_t> write_pipe(int descriptor, std::string_view bytes);

}  // namespace parley
