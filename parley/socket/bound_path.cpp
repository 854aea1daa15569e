#include "parley/socket/bound_path.h"

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

#include "parley/base/print.h"
#include "parley/socket/sockaddr.h"

namespace parley {

namespace {

std::error_code last_error() {
  return {errno, std::system_category()};
}

// Empty for an abstract name.
std::string file_of(const Address& address) {
  const std::string& path = address.path();
  return path.empty() || path.front() == '\0' ? std::string() : path;
}

bool is_socket(const std::string& path) noexcept {
  struct stat there{};
  return ::lstat(path.c_str(), &there) == 0 && S_ISSOCK(there.st_mode);
}

// The kernel looks whether any socket is bound to the file before it looks at the types: a socket of another
// type is told EPROTOTYPE, so the first probe also finds one that is bound and not listened at yet, and no
// server sees a connection come and go. Systems that are less exact need the second.
bool nobody_has(const RawAddress& raw) noexcept {
  for (const int type : {SOCK_DGRAM, SOCK_STREAM}) {
    const Descriptor probe(::socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!probe || ::connect(probe.get(), raw.data(), raw.size) == 0 || errno != ECONNREFUSED) return false;
  }
  return true;
}

// Held by whoever replaces or removes a path that was left over: between looking at it and removing it,
// another one could else put his own there. It is a file beside the path, which is gone afterwards; the
// folder itself is not locked, since others lock folders for reasons of their own. Who does not get it is too
// late, so nobody waits.
class PathLock {
 public:
  explicit PathLock(const std::string& path) : name_(path + ".parley.lock") {
    for (int tries = 0; tries < 8; ++tries) {
      file_.reset(::open(name_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600));
      struct stat open{};
      if (!file_ || ::fstat(file_.get(), &open) != 0 || !S_ISREG(open.st_mode) || open.st_size != 0 ||
          ::flock(file_.get(), LOCK_EX | LOCK_NB) != 0) {
        break;
      }
      struct stat there{};
      if (::lstat(name_.c_str(), &there) == 0 && there.st_dev == open.st_dev && there.st_ino == open.st_ino) {
        return;
      }
      // Another one has removed it, after it was opened here and before it was locked.
    }
    file_.reset();
  }
  ~PathLock() {
    if (file_) ::unlink(name_.c_str());
  }
  PathLock(const PathLock&) = delete;
  PathLock& operator=(const PathLock&) = delete;

  explicit operator bool() const { return static_cast<bool>(file_); }

 private:
  std::string name_;
  Descriptor file_;
};

}  // namespace

BoundPath::BoundPath(std::string path) : file_(file_at(path)), process_(::getpid()) {
  std::error_code unknown;
  path_ = std::filesystem::absolute(path, unknown).string();
  if (unknown) path_ = std::move(path);
}

BoundPath::BoundPath(BoundPath&& other) noexcept
    : path_(std::exchange(other.path_, {})), file_(other.file_), process_(other.process_) {}

BoundPath& BoundPath::operator=(BoundPath&& other) noexcept {
  if (this == &other) return *this;
  remove();
  path_ = std::exchange(other.path_, {});
  file_ = other.file_;
  process_ = other.process_;
  return *this;
}

BoundPath::File BoundPath::file_at(const std::string& path) noexcept {
  struct stat there{};
  if (::lstat(path.c_str(), &there) != 0) return {};
  return {.device = there.st_dev, .inode = there.st_ino};
}

bool BoundPath::ours() const noexcept {
  return !path_.empty() && process_ == ::getpid() && file_ != File() && file_at(path_) == file_;
}

void BoundPath::remove() noexcept {
  if (ours()) ::unlink(path_.c_str());
  path_.clear();
}

void BoundPath::remove_with(Descriptor socket) noexcept {
  // In place of the socket this keeps the inode's number from being used anew.
  const Descriptor file(ours() ? ::open(path_.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC) : -1);
  socket.reset();
  const std::string path = std::exchange(path_, {});
  if (!file) return;
  try {
    const PathLock lock(path);
    if (!lock) return;  // somebody is taking it over
    // Not by the path, which may be too long for an address where it was relative.
    const Address same = Address::local(concat("/proc/self/fd/", file.get()));
    if (nobody_has(to_raw(same, Family::local)) && file_at(path) == file_) ::unlink(path.c_str());
  } catch (const std::exception&) {  // without memory it stays, and is taken over
  }
}

void BoundPath::inherit() noexcept {
  process_ = ::getpid();
}

bool is_left_over(const Address& address) noexcept {
  try {
    const std::string path = file_of(address);
    return !path.empty() && is_socket(path) && nobody_has(to_raw(address, Family::local));
  } catch (const std::exception&) {
    return false;
  }
}

Result<BoundPath> bind_path(int descriptor, const Address& address) {
  const RawAddress raw = to_raw(address, Family::local);
  const std::string path = file_of(address);
  if (::bind(descriptor, raw.data(), raw.size) != 0) {
    const std::error_code error = last_error();
    if (error != std::errc::address_in_use || !is_left_over(address)) return error;
    const PathLock lock(path);
    if (!lock || !is_left_over(address)) return error;  // another start was quicker
    if (::unlink(path.c_str()) != 0) return error;
    if (::bind(descriptor, raw.data(), raw.size) != 0) return last_error();
  }
  return path.empty() ? BoundPath() : BoundPath(path);
}

}  // namespace parley
