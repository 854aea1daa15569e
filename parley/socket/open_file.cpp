#include "parley/socket/open_file.h"

#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include "parley/base/print.h"
#include "parley/socket/descriptors.h"
#include "parley/socket/error.h"

namespace parley {

namespace {

class FileFailureCategory final : public std::error_category {
 public:
  const char* name() const noexcept override { return "file"; }
  std::string message(int) const override { return "the file is shorter than what was to be sent of it"; }
  std::error_condition default_error_condition(int) const noexcept override {
    return std::make_error_condition(std::errc::io_error);
  }
};

std::error_code last_error() {
  return {errno, std::system_category()};
}

void require_open(std::string_view operation, int descriptor) {
  if (::fcntl(descriptor, F_GETFD) < 0)
    throw SocketError(operation, concat("descriptor ", descriptor), last_error());
}

}  // namespace

OpenFile::OpenFile(const std::string& path) {
  if (path.find('\0') != path.npos) {  // another file would be opened
    throw SocketError("open", path, std::make_error_code(std::errc::invalid_argument),
                      "a NUL byte in the path");
  }
  Descriptor opened;
  do {
    opened.reset(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  } while (!opened && errno == EINTR);
  if (!opened) throw SocketError("open", path, last_error());
  struct stat about{};
  if (::fstat(opened.get(), &about) != 0) throw SocketError("open", path, last_error());
  if (S_ISDIR(about.st_mode)) {
    throw SocketError("open", path, std::make_error_code(std::errc::is_a_directory));
  }
  descriptor_ = opened.get();
  owner_ = std::make_shared<const Descriptor>(std::move(opened));
}

OpenFile OpenFile::adopt(int descriptor) {
  require_open("adopt", descriptor);
  OpenFile file;
  Descriptor owned(descriptor);
  file.owner_ = std::make_shared<const Descriptor>(std::move(owned));
  file.descriptor_ = descriptor;
  return file;
}

OpenFile OpenFile::borrow(int descriptor) {
  if (descriptor < 0) {
    throw SocketError("borrow", concat("descriptor ", descriptor), {EBADF, std::system_category()});
  }
  OpenFile file;
  file.owner_ = std::make_shared<const int>(descriptor);
  file.descriptor_ = descriptor;
  return file;
}

std::uint64_t OpenFile::size() const {
  struct stat about{};
  if (::fstat(descriptor_, &about) != 0) {
    throw SocketError("fstat", concat("descriptor ", descriptor_), last_error());
  }
  return static_cast<std::uint64_t>(about.st_size);
}

std::size_t OpenFile::read(std::span<char> into, std::uint64_t offset) const {
  std::size_t read = 0;
  while (read < into.size()) {
    const ssize_t got =
        ::pread(descriptor_, into.data() + read, into.size() - read, static_cast<off_t>(offset + read));
    if (got == 0) break;
    if (got > 0) {
      read += static_cast<std::size_t>(got);
    } else if (errno != EINTR) {
      throw SocketError("pread", concat("descriptor ", descriptor_), last_error());
    }
  }
  return read;
}

std::error_code make_error_code(FileFailure what) noexcept {
  static const FileFailureCategory category;
  return {static_cast<int>(what), category};
}

}  // namespace parley
