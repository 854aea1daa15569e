#include <cerrno>
#include <stdexcept>
#include <sys/socket.h>
#include <utility>

#include "parley/socket/socket.h"

namespace parley {

namespace {
constexpr std::size_t longest_name = 64;  // of an interface, the congestion control ...: all are shorter

int counted(auto time, std::string_view unit) {
  if (std::in_range<int>(time.count())) return static_cast<int>(time.count());
  throw std::invalid_argument(format("setsockopt: too many ", unit));
}

}  // namespace

void Socket::setsockopt(const Option<bool>& option, bool value) {
  setsockopt(Option<int>{option.level, option.name}, value ? 1 : 0);
}

void Socket::setsockopt(const Option<int>& option, int value) {
  setsockopt(option.level, option.name, value);
}

void Socket::setsockopt(const Option<std::chrono::seconds>& option, std::chrono::seconds value) {
  setsockopt(Option<int>{option.level, option.name}, counted(value, "seconds"));
}

void Socket::setsockopt(const Option<std::chrono::milliseconds>& option, std::chrono::milliseconds value) {
  setsockopt(Option<int>{option.level, option.name}, counted(value, "milliseconds"));
}

void Socket::setsockopt(const Option<std::optional<std::chrono::seconds>>& option,
                        std::optional<std::chrono::seconds> value) {
  const ::linger raw{value ? 1 : 0, value ? counted(*value, "seconds") : 0};
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
  return {getsockopt(option.level, option.name), std::system_category()};
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

void Socket::setsockopt(const Option<std::string>& option, std::string_view value) {
  setsockopt(option.level, option.name, value);
}

void Socket::setsockopt(int level, int name, int value) {
  set_raw_option(level, name, &value, sizeof value);
}

void Socket::setsockopt(int level, int name, std::string_view value) {
  set_raw_option(level, name, value.data(), value.size());
}

int Socket::getsockopt(int level, int name) const {
  int value = 0;
  get_raw_option(level, name, &value, sizeof value);
  return value;
}

std::string Socket::getsockopt(int level, int name, std::size_t size) const {
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
  throw SocketError(operation, format("option ", name, " of level ", level), {error, std::system_category()},
                    fileno() < 0 ? "the socket is closed" : "");
}

}  // namespace parley
