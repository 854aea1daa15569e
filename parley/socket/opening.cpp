#include "parley/socket/opening.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdint>
#include <fstream>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string>
#include <sys/socket.h>
#include <sys/stat.h>

#include "parley/socket/sockaddr.h"

namespace parley {

namespace {

std::error_code last_error() {
  return {errno, std::system_category()};
}

// As the kernel has it: MAX_TCP_KEEPIDLE, MAX_TCP_KEEPINTVL, MAX_TCP_KEEPCNT.
constexpr std::int64_t longest_keep_time = 32767;
constexpr std::int64_t most_keep_count = 127;

// Sets options of one socket; what fails first is kept.
class Setting {
 public:
  explicit Setting(int descriptor) : descriptor_(descriptor) {}

  void set(int level, int option, int value) {
    if (::setsockopt(descriptor_, level, option, &value, sizeof value) != 0 && !error_) error_ = last_error();
  }
  template <class Options>
  void set_buffers(const Options& options) {
    set_buffer(SO_SNDBUF, options.send_buffer);
    set_buffer(SO_RCVBUF, options.receive_buffer);
  }
  template <class Options>
  void set_stream(const Options& options) {
    if (options.no_delay) set(IPPROTO_TCP, TCP_NODELAY, 1);
    if (options.keep_alive) set(SOL_SOCKET, SO_KEEPALIVE, 1);
    set_unless_0(TCP_KEEPIDLE, options.keep_idle.count(), longest_keep_time, OddOption::keep_time);
    set_unless_0(TCP_KEEPINTVL, options.keep_interval.count(), longest_keep_time, OddOption::keep_time);
    set_unless_0(TCP_KEEPCNT, options.keep_count, most_keep_count, OddOption::keep_count);
    if (options.out_of_band_inline) set(SOL_SOCKET, SO_OOBINLINE, 1);
  }
  std::error_code error() const { return error_; }

 private:
  // What is out of the kernel's range, which would not say so.
  void set_unless_0(int option, std::int64_t value, std::int64_t most, OddOption odd) {
    if (value < 0 || value > most) return refuse(odd);
    if (value != 0) set(IPPROTO_TCP, option, static_cast<int>(value));
  }
  // The kernel would take a negative one for the largest.
  void set_buffer(int option, int bytes) {
    if (bytes > 0) set(SOL_SOCKET, option, bytes);
    if (bytes < 0) refuse(OddOption::buffer);
  }
  void refuse(OddOption odd) {
    if (!error_) error_ = odd;
  }

  int descriptor_;
  std::error_code error_;
};

int option_of(int descriptor, int level, int option) {
  int value = 0;
  socklen_t size = sizeof value;
  return ::getsockopt(descriptor, level, option, &value, &size) == 0 ? value : 0;
}

Descriptor make_socket(Family family, int type) {
  return Descriptor(::socket(domain_of(family), type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
}

std::error_code bind_to(Opened& opened, const Address& at, Family family) {
  if (family == Family::local) {
    Result<BoundPath> path = bind_path(opened.descriptor.get(), at);
    if (!path) return path.error();
    opened.path = *std::move(path);
    return {};
  }
  const RawAddress raw = to_raw(at, family);
  return ::bind(opened.descriptor.get(), raw.data(), raw.size) == 0 ? std::error_code() : last_error();
}

std::error_code learn_host(Opened& opened) {
  RawAddress raw;
  if (::getsockname(opened.descriptor.get(), raw.data(), &raw.size) != 0) return last_error();
  opened.host = from_raw(raw);
  return {};
}

bool is_any(const Address& address) {
  const auto& bytes = address.compact().bytes;
  return address.family() != Family::local &&
         std::all_of(bytes.begin(), bytes.end(), [](auto b) { return b == 0; });
}

// Errors are explained while the socket that failed is still there.
std::error_code explained(const Opened& opened, std::error_code error, const Address& at, Family family) {
  if (error != std::errc::address_in_use) return error;
  return why_in_use(opened.descriptor.get(), at, family);
}

Result<Opened> listening(const Address& at, Family family, const ListenOptions& options) {
  Opened opened{.descriptor = make_socket(family, SOCK_STREAM), .host = {}, .path = {}};
  if (!opened.descriptor) return last_error();
  const int descriptor = opened.descriptor.get();
  if (const std::error_code error = prepare_listening(descriptor, family, options)) return error;
  if (const std::error_code error = bind_to(opened, at, family)) return explained(opened, error, at, family);
  if (options.mode && opened.path && ::chmod(opened.path.path().c_str(), *options.mode) != 0)
    return last_error();
  if (::listen(descriptor, std::max(options.backlog, 0)) != 0)
    return explained(opened, last_error(), at, family);
  if (const std::error_code error = learn_host(opened)) return error;
  return opened;
}

Result<Opened> receiving(const Address& at, Family family, const DatagramOptions& options) {
  Opened opened{.descriptor = make_socket(family, SOCK_DGRAM), .host = {}, .path = {}};
  if (!opened.descriptor) return last_error();
  const int descriptor = opened.descriptor.get();
  if (const std::error_code error = prepare_datagram(descriptor, family, options)) return error;
  if (family != Family::local || !at.path().empty()) {
    if (const std::error_code error = bind_to(opened, at, family))
      return explained(opened, error, at, family);
  }
  if (const std::error_code error = learn_host(opened)) return error;
  const Result<bool> told = tell_asked(descriptor, opened.host, family);
  if (!told) return told.error();
  return opened;
}

bool is_without_ipv6(std::error_code error) {
  return error == std::errc::address_family_not_supported || error == std::errc::address_not_available ||
         error == std::errc::no_protocol_option;
}

// Only a machine without IPv6 goes on to IPv4: an IPv6 port that is taken must not be served by half.
template <class Options, class Open>
Result<Opened> open_at(const Address& at, const Options& options, Open open) {
  if (at.family() != Family::unspecified) return open(at, at.family(), options);
  Result<Opened> six = open(at, Family::inet6, options);
  if (six || options.v6_only || !is_without_ipv6(six.error())) return six;
  return open(at, Family::inet, options);
}

// What the kernel lists of the sockets at a port.
struct Listed {
  bool any = false;       // at some address
  bool wildcard = false;  // at every address
};

// Listeners come before connections there, so that the many are not read.
Listed listed(const char* table, int port, bool streams) {
  Listed found;
  std::ifstream in(table);
  std::string line;
  std::getline(in, line);
  while (std::getline(in, line)) {
    // `  0: 0100007F:1F90 00000000:0000 0A ...`: number, our end, peer, state.
    const std::size_t number = line.find(": ");
    if (number == std::string::npos) continue;
    const std::size_t host = number + 2;
    const std::size_t colon = line.find(':', host);
    const std::size_t peer = line.find(' ', host);
    const std::size_t state = peer == std::string::npos ? peer : line.find(' ', peer + 1);
    if (colon == std::string::npos || state == std::string::npos) continue;
    if (streams && line.compare(state + 1, 2, "0A") != 0) break;
    if (std::stoi(line.substr(colon + 1, 4), nullptr, 16) != port) continue;
    found.any = true;
    if (line.find_first_not_of('0', host) == colon) found.wildcard = true;
  }
  return found;
}

bool is_odd_option(int what) {
  return what >= static_cast<int>(OddOption::keep_time);
}

class OpeningCategory final : public std::error_category {
 public:
  const char* name() const noexcept override { return "opening"; }
  std::string message(int what) const override {
    switch (static_cast<OddOption>(what)) {
      case OddOption::keep_time:
        return "keep_idle and keep_interval go from 0 to 32767 s";
      case OddOption::keep_count:
        return "keep_count goes from 0 to 127";
      case OddOption::buffer:
        return "the size of a buffer is not negative";
    }
    return std::error_code(EADDRINUSE, std::system_category()).message();
  }
  std::error_condition default_error_condition(int what) const noexcept override {
    return is_odd_option(what) ? std::errc::invalid_argument : std::errc::address_in_use;
  }
};

}  // namespace

std::error_code prepare_listening(int descriptor, Family family, const ListenOptions& options) noexcept {
  Setting setting(descriptor);
  if (family != Family::local) {
    // Connections of an earlier server that still linger are not in the way.
    setting.set(SOL_SOCKET, SO_REUSEADDR, 1);
    if (options.reuse_port) setting.set(SOL_SOCKET, SO_REUSEPORT, 1);
    if (family == Family::inet6) setting.set(IPPROTO_IPV6, IPV6_V6ONLY, options.v6_only ? 1 : 0);
    setting.set_stream(options);  // what it accepts inherits it
  }
  setting.set_buffers(options);
  return setting.error();
}

std::error_code prepare_adopted(int descriptor, Family family, const ListenOptions& options) noexcept {
  Setting setting(descriptor);
  if (family != Family::local) setting.set_stream(options);
  setting.set_buffers(options);
  return setting.error();
}

// The kernel tells twice what it was asked for.
void inherit_buffers(int listening, int accepted) noexcept {
  Setting setting(accepted);
  for (const int buffer : {SO_SNDBUF, SO_RCVBUF}) {
    setting.set(SOL_SOCKET, buffer, option_of(listening, SOL_SOCKET, buffer) / 2);
  }
}

std::error_code prepare_datagram(int descriptor, Family family, const DatagramOptions& options) noexcept {
  Setting setting(descriptor);
  if (family != Family::local) {
    if (options.reuse_port) setting.set(SOL_SOCKET, SO_REUSEPORT, 1);
    if (options.listen_multiple) setting.set(SOL_SOCKET, SO_REUSEADDR, 1);
    if (options.broadcast) setting.set(SOL_SOCKET, SO_BROADCAST, 1);
    if (family == Family::inet6) setting.set(IPPROTO_IPV6, IPV6_V6ONLY, options.v6_only ? 1 : 0);
  }
  setting.set_buffers(options);
  return setting.error();
}

Result<bool> tell_asked(int descriptor, const Address& host, Family family) noexcept {
  if (family == Family::local || !is_any(host)) return false;
  Setting setting(descriptor);
  // An IPv6 socket is told both ways of IPv4 datagrams; only IPv4's own names our address where they were
  // sent to a group or a broadcast address.
  if (family == Family::inet6) setting.set(IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
  const bool takes_ipv4 = family == Family::inet || !takes_ipv6_alone(descriptor);
  if (takes_ipv4) setting.set(IPPROTO_IP, IP_PKTINFO, 1);
  if (setting.error()) return setting.error();
  return true;
}

Result<Opened> open_listening(const Address& at, const ListenOptions& options) {
  return open_at(at, options, listening);
}

Result<Opened> open_datagram(const Address& at, const DatagramOptions& options) {
  return open_at(at, options, receiving);
}

Result<Connecting> start_connecting(const Address& to, const ConnectOptions& options) {
  const Family family = to.family();
  const RawAddress raw = to_raw(to, family);
  Connecting connecting{.socket = {.descriptor = make_socket(family, SOCK_STREAM), .host = {}, .path = {}}};
  if (!connecting.socket.descriptor) return last_error();
  const int descriptor = connecting.socket.descriptor.get();
  Setting setting(descriptor);
  if (family != Family::local) setting.set_stream(options);
  setting.set_buffers(options);
  if (setting.error()) return setting.error();
  if (options.source) {
    const Family own = options.source->family();
    if (own != Family::unspecified && own != family) {
      return std::make_error_code(std::errc::address_family_not_supported);
    }
    if (const std::error_code error = bind_to(connecting.socket, *options.source, family)) {
      return explained(connecting.socket, error, *options.source, family);
    }
  }
  if (::connect(descriptor, raw.data(), raw.size) == 0) {
    if (is_its_own_peer(descriptor)) return std::make_error_code(std::errc::connection_refused);
    connecting.connected = true;
  } else if (errno != EINPROGRESS && errno != EINTR) {
    return last_error();
  }
  if (const std::error_code error = learn_host(connecting.socket)) return error;
  return connecting;
}

std::error_code outcome_of_connecting(int descriptor) noexcept {
  int reason = 0;
  socklen_t size = sizeof reason;
  if (::getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &reason, &size) != 0) return last_error();
  if (reason != 0) return {reason, std::system_category()};
  return is_its_own_peer(descriptor) ? std::make_error_code(std::errc::connection_refused)
                                     : std::error_code();
}

// accept(2) hands on what has happened to a connection. Among that is also EOPNOTSUPP, which far more often
// says that the socket is none to accept from.
bool was_aborted(int error) noexcept {
  switch (error) {
    case ECONNABORTED:
    case EPROTO:
    case EPERM:  // a firewall
    case ENETDOWN:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case ENETUNREACH:
      return true;
    default:
      return false;
  }
}

bool takes_ipv6_alone(int descriptor) noexcept {
  return option_of(descriptor, IPPROTO_IPV6, IPV6_V6ONLY) != 0;
}

bool is_its_own_peer(int descriptor) noexcept {
  RawAddress own;
  RawAddress peer;
  // A peer that has gone again already is not there to be asked; whoever reads will be told.
  if (::getsockname(descriptor, own.data(), &own.size) != 0) return false;
  if (own.storage.ss_family != AF_INET && own.storage.ss_family != AF_INET6) return false;
  if (::getpeername(descriptor, peer.data(), &peer.size) != 0) return false;
  return compact_from_raw(own) == compact_from_raw(peer);
}

std::error_code why_in_use(int descriptor, const Address& at, Family family) noexcept {
  const std::error_code plain(EADDRINUSE, std::system_category());
  try {
    if (family == Family::local) {
      const std::string& path = at.path();
      struct stat there{};
      const bool file = !path.empty() && path.front() != '\0' && ::lstat(path.c_str(), &there) == 0;
      return file && !S_ISSOCK(there.st_mode) ? InUse::by_file : plain;
    }
    const bool streams = option_of(descriptor, SOL_SOCKET, SO_TYPE) == SOCK_STREAM;
    const Listed four = listed(streams ? "/proc/net/tcp" : "/proc/net/udp", at.port(), streams);
    const Listed six = listed(streams ? "/proc/net/tcp6" : "/proc/net/udp6", at.port(), streams);
    if (family == Family::inet) return six.wildcard && !four.any ? InUse::by_ipv6 : plain;
    return !takes_ipv6_alone(descriptor) && four.any && !six.any ? InUse::by_ipv4 : plain;
  } catch (const std::exception&) {  // where the kernel lists them otherwise
    return plain;
  }
}

const std::error_category& opening_category() noexcept {
  static const OpeningCategory category;
  return category;
}

std::error_code make_error_code(InUse what) noexcept {
  return {static_cast<int>(what), opening_category()};
}

std::error_code make_error_code(OddOption what) noexcept {
  return {static_cast<int>(what), opening_category()};
}

std::error_code system_code(std::error_code error) noexcept {
  const bool in_use = error.category() == opening_category() && !is_odd_option(error.value());
  return in_use ? std::error_code(EADDRINUSE, std::system_category()) : error;
}

std::string_view advice_on_opening(std::error_code error) noexcept {
  if (error == InUse::by_ipv6)
    return "an IPv6 socket that takes IPv4 too has the port; with v6_only it leaves IPv4 alone";
  if (error == InUse::by_ipv4) return "IPv4 has the port; v6_only listens beside it, on IPv6 alone";
  if (error == InUse::by_file) return "a file is there that is no socket";
  if (error == std::errc::address_in_use) return "is it running already?";
  if (error == std::errc::permission_denied) return "ports below 1024 need a privilege";
  if (error == std::errc::address_not_available) return "no interface of this machine has that address";
  return {};
}

}  // namespace parley
