// Forwards one way with a bare epoll loop: recv into one buffer, send from it, and wait for the slower end.
// What the kernel does not take is kept until it has room; meanwhile nothing is read.
//   forward_bare PORT TARGET
#include "bench/blocking/bare.h"

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <fcntl.h>
#include <memory>
#include <netinet/tcp.h>
#include <sys/epoll.h>

namespace {

constexpr std::size_t buffer_bytes = 64 * 1024;

// One direction of a connection.
struct Way {
  Way(int a, int b) : from(a), to(b) {}

  int from;
  int to;
  std::size_t begin = 0;
  std::size_t end = 0;
  bool waits = false;
  std::unique_ptr<char[]> buffer = std::make_unique<char[]>(buffer_bytes);
};

void wish(int epoll, int operation, int descriptor, unsigned events, Way* way) {
  epoll_event event{events, {.ptr = way}};
  ::epoll_ctl(epoll, operation, descriptor, &event);
}

// Sends what is there. False when the connection is over.
bool send_on(int epoll, Way& way) {
  const ssize_t sent = ::send(way.to, way.buffer.get() + way.begin, way.end - way.begin, MSG_NOSIGNAL);
  if (sent < 0 && errno != EAGAIN) return false;
  if (sent > 0) way.begin += static_cast<std::size_t>(sent);
  const bool waits = way.begin < way.end;
  if (waits != way.waits) {
    way.waits = waits;
    wish(epoll, EPOLL_CTL_MOD, way.from, waits ? 0U : unsigned{EPOLLIN}, &way);
    wish(epoll, EPOLL_CTL_MOD, way.to, waits ? unsigned{EPOLLOUT} : 0U, &way);
  }
  return true;
}

bool forward(int epoll, Way& way) {
  if (way.waits) return send_on(epoll, way);
  const ssize_t size = ::recv(way.from, way.buffer.get(), buffer_bytes, 0);
  if (size <= 0) return size < 0 && errno == EAGAIN;
  way.begin = 0;
  way.end = static_cast<std::size_t>(size);
  return send_on(epoll, way);
}

}  // namespace

int main(int argc, char** argv) {
  const int listener = bench::listen_at(argc, argv);
  const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
  wish(epoll, EPOLL_CTL_ADD, listener, EPOLLIN, nullptr);
  std::array<epoll_event, 64> events;
  for (;;) {
    const int count = ::epoll_wait(epoll, events.data(), static_cast<int>(events.size()), -1);
    for (int i = 0; i < count; ++i) {
      auto* const way = static_cast<Way*>(events[static_cast<std::size_t>(i)].data.ptr);
      if (way == nullptr) {
        sockaddr_in target{};
        target.sin_family = AF_INET;
        target.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        target.sin_port = htons(static_cast<std::uint16_t>(argc > 2 ? std::atoi(argv[2]) : 0));
        const int to = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (::connect(to, reinterpret_cast<sockaddr*>(&target), sizeof target) != 0) return 1;
        ::fcntl(to, F_SETFL, O_NONBLOCK);
        const int from = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
        for (const int end : {from, to}) {
          const int on = 1;
          ::setsockopt(end, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        }
        auto* const made = new Way(from, to);
        wish(epoll, EPOLL_CTL_ADD, from, EPOLLIN, made);
        wish(epoll, EPOLL_CTL_ADD, to, 0, made);
      } else if (!forward(epoll, *way)) {
        ::close(way->from);
        ::close(way->to);
        delete way;
        break;  // another event may name it
      }
    }
  }
}
