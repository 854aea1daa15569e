#pragma once

// Private to the library: paths in the file system that Unix sockets are bound to.

#include <cstdint>
#include <string>
#include <utility>

#include "parley/base/result.h"
#include "parley/socket/address.h"
#include "parley/socket/descriptors.h"

namespace parley {

// Owns a path that a socket was bound to, and removes it, but only while it is the file that was made then
// (device and inode), and in the process that made it: what others have put there since, and what a forked
// child has a copy of, is left alone. A relative path is meant as of the time of the bind. Move-only.
//
// A socket that is open keeps its inode's number from being used anew: so the path is to go first, and then
// the socket.
class BoundPath {
 public:
  BoundPath() = default;
  // Remembers what `bind` has just made at `path`.
  explicit BoundPath(std::string path);
  BoundPath(BoundPath&& other) noexcept;
  BoundPath& operator=(BoundPath&& other) noexcept;
  ~BoundPath() { remove(); }

  explicit operator bool() const { return !path_.empty(); }
  // Absolute.
  const std::string& path() const { return path_; }

  // Removes the path now, whoever else may still have its socket.
  void remove() noexcept;
  // Closes the socket, and removes the path unless another process, forked since, still has the socket: that
  // one serves on, and is to be reached. Left so, the path is taken over by the next `bind_path`.
  void remove_with(Descriptor socket) noexcept;
  // The path is this process's from now on, which was forked from the one that made it.
  void inherit() noexcept;

 private:
  struct File {
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    bool operator==(const File&) const = default;
  };

  static File file_at(const std::string& path) noexcept;
  bool ours() const noexcept;

  std::string path_;  // empty: none
  File file_;
  std::int64_t process_ = 0;
};

// Binds a socket to a path or an abstract name (which gives an empty BoundPath). A path that was left behind
// by a socket which no process has any more is taken over; of several starts at such a path at once, one gets
// it. Never waits. Fails with what `bind` said; throws AddressError for an address that is not local.
Result<BoundPath> bind_path(int descriptor, const Address& address);

// Whether the path is a socket's that no process has any more. One that is bound, and not listened at yet, is
// none of these.
bool is_left_over(const Address& address) noexcept;

}  // namespace parley
