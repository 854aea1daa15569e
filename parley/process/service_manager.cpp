#include "parley/process/service_manager.h"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <fcntl.h>
#include <optional>
#include <stdexcept>
#include <unistd.h>
#include <utility>

#include "parley/base/print.h"
#include "parley/socket/address.h"
#include "parley/socket/socket.h"

namespace parley {

namespace {

constexpr int first_descriptor = 3;     // SD_LISTEN_FDS_START
constexpr int most_descriptors = 4096;  // more than any unit has; a wrong number must not take minutes

std::optional<std::string> taken_variable(const char* name) {
  const char* const value = std::getenv(name);
  if (value == nullptr) return std::nullopt;
  std::string taken(value);
  ::unsetenv(name);
  return taken;
}

int number(std::string_view variable, const std::string& text) {
  int number = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || stop != end || number < 0) {
    throw std::runtime_error(format(variable, "=", text, ": this is no number"));
  }
  return number;
}

std::vector<InheritedDescriptor> handed_over() {
  const auto pid = taken_variable("LISTEN_PID");
  const auto count_text = taken_variable("LISTEN_FDS");
  const auto names_text = taken_variable("LISTEN_FDNAMES");
  std::vector<InheritedDescriptor> all;
  if (!pid || !count_text || number("LISTEN_PID", *pid) != ::getpid()) return all;
  const int count = number("LISTEN_FDS", *count_text);
  if (count > most_descriptors)
    throw std::runtime_error(format("LISTEN_FDS=", count, ": that many cannot be"));
  std::string_view names = names_text ? *names_text : std::string_view();
  for (int descriptor = first_descriptor; descriptor < first_descriptor + count; ++descriptor) {
    const int flags = ::fcntl(descriptor, F_GETFD);
    if (flags < 0) {
      throw std::runtime_error(format("LISTEN_FDS=", count, ": the descriptor ", descriptor, " is not open"));
    }
    ::fcntl(descriptor, F_SETFD, flags | FD_CLOEXEC);
    const std::string_view name = names.substr(0, names.find(':'));
    names.remove_prefix(std::min(names.size(), name.size() + 1));
    all.push_back({Descriptor(descriptor), std::string(name.empty() ? "unknown" : name)});
  }
  return all;
}

}  // namespace

std::vector<InheritedDescriptor>& inherited_descriptors() {
  // Left as they are at the end of the process: the kernel closes them.
  static auto* const all = new std::vector<InheritedDescriptor>(handed_over());
  return *all;
}

bool notify_service_manager(std::string_view state) {
  const char* const path = std::getenv("NOTIFY_SOCKET");
  if (path == nullptr || *path == '\0') return false;
  const std::string_view where(path);
  const Address manager = where.starts_with('@') ? Address::abstract(where.substr(1)) : Address::local(where);
  Socket socket(Family::local, Type::datagram);
  socket.setblocking(false);
  socket.sendto(state, manager);
  return true;
}

}  // namespace parley
