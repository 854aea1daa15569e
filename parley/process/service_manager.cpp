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
#include "parley/process/listen_variables.h"
#include "parley/socket/address.h"
#include "parley/socket/socket.h"

namespace parley {

namespace {

constexpr int first_descriptor = 3;  // SD_LISTEN_FDS_START

std::optional<std::string> taken_variable(const char* name) {
  const char* const value = std::getenv(name);
  if (value == nullptr) return std::nullopt;
  std::string taken(value);
  ::unsetenv(name);
  return taken;
}

const char* text_of(const std::optional<std::string>& variable) {
  return variable ? variable->c_str() : nullptr;
}

std::vector<InheritedDescriptor> handed_over() {
  const auto pid = taken_variable("LISTEN_PID");
  const auto count = taken_variable("LISTEN_FDS");
  const auto names = taken_variable("LISTEN_FDNAMES");
  std::vector<InheritedDescriptor> all;
  int descriptor = first_descriptor;
  for (std::string& name : listen_names({text_of(pid), text_of(count), text_of(names)}, ::getpid())) {
    const int flags = ::fcntl(descriptor, F_GETFD);
    if (flags < 0) {
      throw std::runtime_error(
          concat("LISTEN_FDS=", text_of(count), ": the descriptor ", descriptor, " is not open"));
    }
    ::fcntl(descriptor, F_SETFD, flags | FD_CLOEXEC);
    all.push_back({Descriptor(descriptor), std::move(name)});
    ++descriptor;
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
