#include <cerrno>
#include <limits>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdexcept>
#include <sys/socket.h>
#include <sys/time.h>
#include <utility>

#include "parley/socket/opening.h"
#include "parley/socket/option_names.h"
#include "parley/socket/sockaddr.h"
#include "parley/socket/socket.h"

namespace parley {

namespace {
constexpr std::size_t longest_name = 64;  // of an interface, the congestion control ...: all are shorter

constexpr std::size_t longest_value = 1024 * 1024;  // of any option, as bytes
constexpr int most_int = std::numeric_limits<int>::max();

[[noreturn]] void refuse(int level, int name, std::int64_t value, std::string_view unit, int most) {
  throw std::invalid_argument(concat("setsockopt ", name_of_option(level, name), ": ", value, unit,
                                     " is out of range (0 to ", most, unit, ')'));
}

// The kernel takes a negative time for one without end, or does not look.
int counted(const auto& option, auto time, std::string_view unit) {
  if (time.count() >= 0 && std::in_range<int>(time.count())) return static_cast<int>(time.count());
  refuse(option.level, option.name, time.count(), unit, most_int);
}

// What the kernel would not refuse, but take for something else: a negative size for the largest, of a type
// of service its last eight bits.
struct Range {
  int level;
  int name;
  int most;
};
constexpr Range from_zero[] = {{SOL_SOCKET, SO_SNDBUF, most_int},
                               {SOL_SOCKET, SO_RCVBUF, most_int},
                               {SOL_SOCKET, SO_RCVLOWAT, most_int},
                               {IPPROTO_TCP, TCP_NOTSENT_LOWAT, most_int},
                               {IPPROTO_IP, IP_TOS, 255}};

void require_in_range(int level, int name, int value) {
  for (const Range& one : from_zero) {
    if (one.level != level || one.name != name) continue;
    if (value < 0 || value > one.most) refuse(level, name, value, "", one.most);
  }
}

void require_length(std::string_view operation, int level, int name, std::size_t size) {
  if (size <= longest_value) return;
  throw std::invalid_argument(concat(operation, ' ', name_of_option(level, name), ": ", size,
                                     " bytes are too many (at most ", longest_value, ')'));
}

}  // namespace

void Socket::setsockopt(const Option<bool>& option, bool value) {
  setsockopt(Option<int>{option.level, option.name}, value ? 1 : 0);
}

void Socket::setsockopt(const Option<int>& option, int value) {
  require_in_range(option.level, option.name, value);
  setsockopt(option.level, option.name, value);
}

void Socket::setsockopt(const Option<std::chrono::seconds>& option, std::chrono::seconds value) {
  setsockopt(Option<int>{option.level, option.name}, counted(option, value, " s"));
}

void Socket::setsockopt(const Option<std::chrono::milliseconds>& option, std::chrono::milliseconds value) {
  setsockopt(Option<int>{option.level, option.name}, counted(option, value, " ms"));
}

void Socket::setsockopt(const Option<std::optional<std::chrono::seconds>>& option,
                        std::optional<std::chrono::seconds> value) {
  const ::linger raw{value ? 1 : 0, value ? counted(option, *value, " s") : 0};
  set_raw_option(option.level, option.name, &raw, sizeof raw);
}

bool Socket::getsockopt(const Option<bool>& option) const {
  return getsockopt(option.level, option.name) != 0;
}

int Socket::getsockopt(const Option<int>& option) const {
  return getsockopt(option.level, option.name);
}

std::chrono::seconds Socket::getsockopt(const Option<std::chrono::seconds>& option) const {
  return std::chrono::seconds(getsockopt(option.level, option.name));
}

std::chrono::milliseconds Socket::getsockopt(const Option<std::chrono::milliseconds>& option) const {
  return std::chrono::milliseconds(getsockopt(option.level, option.name));
}

std::optional<std::chrono::seconds> Socket::getsockopt(
    const Option<std::optional<std::chrono::seconds>>& option) const {
  ::linger raw{};
  get_raw_option(option.level, option.name, &raw, sizeof raw);
  return raw.l_onoff != 0 ? std::optional(std::chrono::seconds(raw.l_linger)) : std::nullopt;
}

std::error_code Socket::getsockopt(const Option<std::error_code>& option) const {
  const int error = getsockopt(option.level, option.name);
  // Who connects without blocking asks for the outcome here.
  const bool outcome = error == 0 && option.level == SOL_SOCKET && option.name == SO_ERROR;
  if (outcome && type_ == Type::stream && is_its_own_peer(fileno())) {
    return std::make_error_code(std::errc::connection_refused);
  }
  return {error, std::system_category()};
}

std::string Socket::getsockopt(const Option<std::string>& option) const {
  const std::string value = getsockopt(option.level, option.name, longest_name);
  return value.substr(0, value.find('\0'));
}

Credentials Socket::getsockopt(const Option<Credentials>& option) const {
  ::ucred raw{};
  get_raw_option(option.level, option.name, &raw, sizeof raw);
  return {raw.pid, raw.uid, raw.gid};
}

void Socket::setsockopt(const Option<std::optional<std::chrono::microseconds>>& option,
                        std::optional<std::chrono::microseconds> value) {
  if (value && value->count() <= 0) {
    throw std::invalid_argument(concat("setsockopt ", name_of_option(option.level, option.name),
                                       ": the kernel cannot wait for no time, or less"));
  }
  const std::int64_t all = value ? value->count() : 0;
  const ::timeval raw{.tv_sec = all / 1'000'000, .tv_usec = all % 1'000'000};
  set_raw_option(option.level, option.name, &raw, sizeof raw);
}

std::optional<std::chrono::microseconds> Socket::getsockopt(
    const Option<std::optional<std::chrono::microseconds>>& option) const {
  ::timeval raw{};
  get_raw_option(option.level, option.name, &raw, sizeof raw);
  const auto all = std::chrono::seconds(raw.tv_sec) + std::chrono::microseconds(raw.tv_usec);
  return all.count() == 0 ? std::nullopt : std::optional(all);
}

TcpInfo Socket::getsockopt(const Option<TcpInfo>& option) const {
  ::tcp_info raw{};
  get_raw_option(option.level, option.name, &raw, sizeof raw);
  return {.state = static_cast<TcpState>(raw.tcpi_state),
          .retransmits = raw.tcpi_retransmits,
          .round_trip_time = std::chrono::microseconds(raw.tcpi_rtt),
          .round_trip_variation = std::chrono::microseconds(raw.tcpi_rttvar),
          .retransmission_timeout = std::chrono::microseconds(raw.tcpi_rto),
          .send_segment_size = raw.tcpi_snd_mss,
          .receive_segment_size = raw.tcpi_rcv_mss,
          .path_mtu = raw.tcpi_pmtu,
          .unacknowledged = raw.tcpi_unacked,
          .lost = raw.tcpi_lost,
          .total_retransmits = raw.tcpi_total_retrans,
          .congestion_window = raw.tcpi_snd_cwnd,
          .slow_start_threshold = raw.tcpi_snd_ssthresh,
          .since_sent = std::chrono::milliseconds(raw.tcpi_last_data_sent),
          .since_received = std::chrono::milliseconds(raw.tcpi_last_data_recv)};
}

Type Socket::getsockopt(const Option<Type>& option) const {
  return type_of(getsockopt(option.level, option.name)).value_or(type_);
}

Family Socket::getsockopt(const Option<Family>& option) const {
  return family_of(getsockopt(option.level, option.name));
}

void Socket::setsockopt(const Option<std::string>& option, std::string_view value) {
  setsockopt(option.level, option.name, value);
}

void Socket::setsockopt(int level, int name, int value) {
  set_raw_option(level, name, &value, sizeof value);
}

void Socket::setsockopt(int level, int name, std::string_view value) {
  require_length("setsockopt", level, name, value.size());
  set_raw_option(level, name, value.data(), value.size());
}

int Socket::getsockopt(int level, int name) const {
  int value = 0;
  get_raw_option(level, name, &value, sizeof value);
  return value;
}

std::string Socket::getsockopt(int level, int name, std::size_t size) const {
  require_length("getsockopt", level, name, size);
  std::string value(size, '\0');
  value.resize(get_raw_option(level, name, value.data(), size));
  return value;
}

void Socket::set_raw_option(int level, int name, const void* value, std::size_t size) {
  if (::setsockopt(fileno(), level, name, value, static_cast<socklen_t>(size)) == 0) return;
  fail_option("setsockopt", level, name);
}

std::size_t Socket::get_raw_option(int level, int name, void* value, std::size_t size) const {
  auto length = static_cast<socklen_t>(size);
  if (::getsockopt(fileno(), level, name, value, &length) != 0) fail_option("getsockopt", level, name);
  return length;
}

void Socket::fail_option(std::string_view operation, int level, int name) const {
  const int error = errno;
  throw SocketError(operation, name_of_option(level, name), {error, std::system_category()},
                    fileno() < 0 ? "the socket is closed" : "");
}

}  // namespace parley
