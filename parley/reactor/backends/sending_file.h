#pragma once

#include <cstddef>
#include <cstdint>
#include <system_error>

namespace parley {

// Private to the back ends over the kernel.

// What became of a piece of a file that was sent.
struct FileSent {
  std::size_t taken = 0;    // bytes that are the kernel's now
  std::error_code error{};  // none, and fewer taken than asked for: the kernel is full
};

// Sends `count` bytes of an open file from `offset` on to a stream that does not block, as far as the kernel
// takes them. Leaves the file's position alone. FileFailure::shorter: the file ends before. No SIGPIPE comes
// of it.
FileSent send_file(int socket, int file, std::uint64_t offset, std::size_t count) noexcept;

}  // namespace parley
