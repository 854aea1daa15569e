#include "parley/socket/interfaces.h"

#include <cerrno>
#include <memory>
#include <net/if.h>
#include <sys/socket.h>
#include <system_error>

#include "parley/base/print.h"
#include "parley/socket/descriptors.h"
#include "parley/socket/error.h"
#include "parley/socket/looking_up.h"

namespace parley {

namespace {

struct FreeInterfaces {
  void operator()(struct ::if_nameindex* found) const { if_freenameindex(found); }
};

[[noreturn]] void fail(std::string_view operation, std::string_view where, int error) {
  throw SocketError(operation, where, {error, std::system_category()});
}

}  // namespace

std::vector<Interface> if_nameindex() {
  const std::unique_ptr<struct ::if_nameindex, FreeInterfaces> found(::if_nameindex());
  if (!found) fail("if_nameindex", "", errno);
  std::vector<Interface> all;
  for (const auto* one = found.get(); one->if_index != 0; ++one) all.push_back({one->if_index, one->if_name});
  return all;
}

std::uint32_t if_nametoindex(std::string_view name) {
  // libc would look for what comes before the NUL byte.
  const unsigned index = name.find('\0') == name.npos ? ::if_nametoindex(std::string(name).c_str()) : 0;
  if (index == 0) fail("if_nametoindex", name, why_no_interface());
  return index;
}

std::string if_indextoname(std::uint32_t index) {
  char name[IF_NAMESIZE];
  if (::if_indextoname(index, name) == nullptr) fail("if_indextoname", concat(index), why_no_interface());
  return name;
}

int why_no_interface() noexcept {
  const Descriptor probe(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  return probe ? ENODEV : errno;
}

}  // namespace parley
