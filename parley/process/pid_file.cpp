#include "parley/process/pid_file.h"

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <string_view>
#include <sys/file.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include "parley/base/print.h"
#include "parley/socket/error.h"

namespace parley {

namespace {

[[noreturn]] void fail(std::string_view path, std::string_view what, int error) {
  const std::error_code reason(error, std::generic_category());
  throw std::system_error(reason, detail::with_remedy(concat("pid file ", path, ": ", what), reason));
}

bool same_file(int descriptor, const std::string& path) {
  struct stat open{};
  struct stat there{};
  return ::fstat(descriptor, &open) == 0 && ::stat(path.c_str(), &there) == 0 &&
         open.st_dev == there.st_dev && open.st_ino == there.st_ino;
}

// For the message alone.
std::string number_in(int descriptor) {
  std::array<char, 32> text;
  const auto size = ::pread(descriptor, text.data(), text.size(), 0);
  const std::string_view all(text.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
  return std::string(all.substr(0, all.find_first_not_of("0123456789")));
}

// A file beside the path that has the number already and is locked.
Descriptor written(const std::string& beside, const std::string& path) {
  Descriptor file(::open(beside.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644));
  if (!file) fail(path, "making it", errno);
  const std::string text = concat(::getpid(), '\n');
  if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0 ||
      ::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
    const int error = errno;
    ::unlink(beside.c_str());
    fail(path, "writing it", error);
  }
  return file;
}

// Puts the file in its place; false when that has changed meanwhile.
bool put(const std::string& beside, const std::string& path) {
  if (::link(beside.c_str(), path.c_str()) == 0) return true;
  if (errno != EEXIST) fail(path, "making it", errno);
  const Descriptor old(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!old) {
    if (errno == ENOENT) return false;
    fail(path, "opening the one that is there", errno);
  }
  if (::flock(old.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) fail(path, "locking the one that is there", errno);
    const std::string number = number_in(old.get());
    fail(path, concat("process ", number.empty() ? "unknown" : number, " holds it: is it running already?"),
         EBUSY);
  }
  // Locked, it is nobody's; and it is replaced only by who has locked it.
  if (!same_file(old.get(), path)) return false;
  if (::rename(beside.c_str(), path.c_str()) != 0) fail(path, "replacing the one that is there", errno);
  return true;
}

}  // namespace

PidFile::PidFile(std::string path) : path_(std::move(path)), process_(::getpid()) {
  std::error_code unknown;
  absolute_ = std::filesystem::absolute(path_, unknown).string();
  if (unknown) absolute_ = path_;
  std::string beside = concat(path_, '.', ::getpid());
  ::unlink(beside.c_str());  // a process of the same number may have ended just then
  file_ = written(beside, path_);
  try {
    while (!put(beside, path_)) {
    }
  } catch (...) {
    ::unlink(beside.c_str());
    throw;
  }
  ::unlink(beside.c_str());
}

PidFile::~PidFile() {
  if (file_ && process_ == ::getpid() && same_file(file_.get(), absolute_)) ::unlink(absolute_.c_str());
}

}  // namespace parley
