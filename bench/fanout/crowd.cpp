#include "bench/fanout/crowd.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdexcept>
#include <sys/socket.h>
#include <system_error>

#include "bench/fanout/sockets.h"

namespace bench {

namespace {

constexpr std::size_t burst = 500;
constexpr std::size_t clients_per_address = 5000;  // a port range has 28,000, not all of them free
constexpr std::uint64_t second = 1'000'000'000;

int check(int result, const char* what) {
  if (result < 0) throw std::system_error(errno, std::generic_category(), what);
  return result;
}

void set(int fd, int level, int option) {
  const int on = 1;
  check(::setsockopt(fd, level, option, &on, sizeof on), "setsockopt");
}

}  // namespace

Crowd::Crowd(int port) : epoll_(check(::epoll_create1(0), "epoll_create1")), buffer_(256 * 1024) {
  server_.sin_family = AF_INET;
  server_.sin_port = htons(static_cast<std::uint16_t>(port));
  server_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
}

void Crowd::grow(std::size_t count) {
  while (clients_.size() < count) {
    const std::size_t until = std::min(count, clients_.size() + burst);
    while (clients_.size() < until) connect();
    while (turn(2, [](std::size_t, std::string_view, std::uint64_t) {}) > 0) continue;
  }
}

void Crowd::settle(const ProcessMeter& server) {
  const std::uint64_t deadline = now() + 60 * second;
  std::uint64_t cpu = server.cpu();
  for (std::uint64_t quiet_since = now(); now() - quiet_since < second / 5;) {
    if (now() > deadline) throw std::runtime_error("the server does not come to rest");
    const std::size_t count = turn(20, [](std::size_t, std::string_view, std::uint64_t) {});
    const std::uint64_t used = server.cpu() - cpu;
    cpu += used;
    if (count > 0 || used > second / 1000) quiet_since = now();
  }
}

void Crowd::connect() {
  const int fd = check(::socket(AF_INET, SOCK_STREAM, 0), "socket");
  set(fd, IPPROTO_TCP, TCP_NODELAY);
  set(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT);
  const linger abort{1, 0};  // thousands of sockets in TIME_WAIT would be in the next run's way
  check(::setsockopt(fd, SOL_SOCKET, SO_LINGER, &abort, sizeof abort), "setsockopt");
  if (receive_buffer_ != 0)
    check(::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer_, sizeof receive_buffer_), "setsockopt");
  sockaddr_in source{};
  source.sin_family = AF_INET;
  const auto host = static_cast<in_addr_t>(1 + clients_.size() / clients_per_address);
  source.sin_addr.s_addr = htonl(INADDR_LOOPBACK + host);
  check(::bind(fd, reinterpret_cast<const sockaddr*>(&source), sizeof source), "bind");
  check(::connect(fd, reinterpret_cast<const sockaddr*>(&server_), sizeof server_), "connect");
  check(::fcntl(fd, F_SETFL, O_NONBLOCK), "fcntl");
  epoll_event event{EPOLLIN | EPOLLRDHUP | EPOLLET, {.u64 = clients_.size()}};
  check(::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event), "epoll_ctl");
  clients_.push_back(fd);
}

std::size_t Crowd::wait(int timeout_ms) {
  const int count = ::epoll_wait(epoll_, events_.data(), static_cast<int>(events_.size()), timeout_ms);
  return static_cast<std::size_t>(check(count, "epoll_wait"));
}

std::string_view Crowd::read(std::size_t client) {
  const ssize_t count = ::recv(clients_[client], buffer_.data(), buffer_.size(), 0);
  if (count > 0) return {buffer_.data(), static_cast<std::size_t>(count)};
  if (count < 0 && errno == EAGAIN) return {};
  gone(client);
}

void Crowd::set_aside(std::size_t first) {
  for (std::size_t client = first; client < clients_.size(); ++client) {
    check(::epoll_ctl(epoll_, EPOLL_CTL_DEL, clients_[client], nullptr), "epoll_ctl");
  }
}

std::optional<std::size_t> Crowd::read_aside(std::size_t client, std::size_t most) {
  std::size_t total = 0;
  while (total < most) {
    const std::size_t piece = std::min(most - total, buffer_.size());
    const ssize_t count = ::recv(clients_[client], buffer_.data(), piece, 0);
    if (count < 0 && errno == EAGAIN) break;
    if (count <= 0) return std::nullopt;
    total += static_cast<std::size_t>(count);
  }
  return total;
}

void Crowd::gone(std::size_t client) {
  throw std::runtime_error("the server has disconnected client " + std::to_string(client));
}

void Crowd::send(std::size_t client, std::string& text) {
  const ssize_t count = ::send(clients_[client], text.data(), text.size(), MSG_NOSIGNAL);
  if (count > 0)
    text.erase(0, static_cast<std::size_t>(count));
  else if (errno != EAGAIN)
    throw std::system_error(errno, std::generic_category(), "send");
}

std::string Crowd::name(std::size_t client) const {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  check(::getsockname(clients_[client], reinterpret_cast<sockaddr*>(&address), &size), "getsockname");
  return line_prefix(address);
}

}  // namespace bench
