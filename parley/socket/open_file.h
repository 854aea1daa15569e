#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <system_error>

namespace parley {

// A file that is open for reading, to be sent (Transport::send_file). Copies are the same open file, which is
// closed when the last of them goes; a transport keeps one until all is sent. Thread: any, one at a time.
class OpenFile {
 public:
  // None.
  OpenFile() = default;
  // Opens it; not inherited by programs that are started. Throws SocketError: one that cannot be opened, or
  // is a directory, or has a NUL byte in its path. Reading it may wait for its disk, and the loop with it.
  explicit OpenFile(const std::string& path);
  // Takes over an open descriptor, which is closed with the last copy. Throws SocketError where it is not
  // open, as `borrow` does.
  static OpenFile adopt(int descriptor);
  // One that stays somebody else's, who keeps it open until all is sent.
  static OpenFile borrow(int descriptor);

  explicit operator bool() const { return owner_ != nullptr; }
  // -1: none.
  int fileno() const { return descriptor_; }
  // In bytes, as it is now. Throws SocketError.
  std::uint64_t size() const;
  // Reads from `offset` on, and answers how much that was: less than there is room for only where the file
  // ends. Leaves its position alone. Throws SocketError.
  std::size_t read(std::span<char> into, std::uint64_t offset) const;

 private:
  std::shared_ptr<const void> owner_;
  int descriptor_ = -1;
};

// Why sending a file failed; compares equal to std::errc::io_error.
enum class FileFailure {
  shorter = 1,  // it ends before what was to be sent of it does
};
std::error_code make_error_code(FileFailure what) noexcept;

}  // namespace parley

template <>
struct std::is_error_code_enum<parley::FileFailure> : std::true_type {};
