#include "parley/reactor/connect/configuration_file.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "parley/socket/descriptors.h"

namespace parley {

namespace {

constexpr std::int64_t second = 1'000'000'000;

std::int64_t nanoseconds(const timespec& time) {
  return time.tv_sec * second + time.tv_nsec;
}

// A file that was written to so recently may be written to again within the same tick of its file system's
// clock, which is a second on some: its times would not tell.
bool is_recent(std::int64_t modified) {
  using std::chrono::duration_cast, std::chrono::nanoseconds, std::chrono::system_clock;
  const std::int64_t now = duration_cast<nanoseconds>(system_clock::now().time_since_epoch()).count();
  return std::abs(now - modified) < 2 * second;
}

std::string content(const Descriptor& file, std::size_t size) {
  std::string text(size, '\0');
  std::size_t filled = 0;
  while (filled < size) {
    const auto count = ::read(file.get(), text.data() + filled, size - filled);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    filled += static_cast<std::size_t>(count);
  }
  text.resize(filled);
  return text;
}

}  // namespace

std::optional<std::string> ConfigurationFile::read_if_changed() {
  const auto stamp_of = [](const struct stat& of) {
    if (!S_ISREG(of.st_mode)) return Stamp{};
    return Stamp{of.st_dev, of.st_ino, of.st_size, nanoseconds(of.st_mtim), nanoseconds(of.st_ctim)};
  };
  struct stat found{};
  Stamp stamp = ::stat(path_.c_str(), &found) == 0 ? stamp_of(found) : Stamp{};
  if (read_ == stamp) return std::nullopt;
  read_ = stamp;
  if (stamp.size < 0) return std::string();
  // Should it be a pipe by now, opening that does not wait either.
  const Descriptor file(::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file || ::fstat(file.get(), &found) != 0 || !S_ISREG(found.st_mode)) {
    read_.reset();
    return std::nullopt;
  }
  stamp = stamp_of(found);
  // The stamp is older than what is read: what changes in between is found the next time.
  read_ = is_recent(stamp.modified) ? std::nullopt : std::optional(stamp);
  return content(file, static_cast<std::size_t>(stamp.size));
}

}  // namespace parley
