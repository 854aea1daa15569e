#pragma once

#include <cstdint>
#include <string>

#include "parley/socket/descriptors.h"

namespace parley {

// A file with this process's number, for as long as the object lives. Two programs cannot have the same one:
// it is locked (flock), so that one is only in the way while a process that holds it lives, or a child that
// it has forked; one that was left behind is replaced, whosever number is in it by now. Who reads it finds
// the whole number, at any time. Move-only.
class PidFile {
 public:
  // Throws std::system_error; its code is std::errc::device_or_resource_busy where a living process holds
  // the file, and the message says which.
  explicit PidFile(std::string path);
  PidFile(PidFile&&) noexcept = default;
  PidFile& operator=(PidFile&&) = delete;
  // Removes the file, if it is still this one, in the process that made it: a child that was forked has a
  // copy of the object, and leaves the file alone. A relative path is meant as of then, whatever `chdir` has
  // done since. Where removing is not allowed any more, it stays behind.
  ~PidFile();

  const std::string& path() const { return path_; }

 private:
  std::string path_;
  std::string absolute_;
  std::int64_t process_;
  Descriptor file_;
};

}  // namespace parley
