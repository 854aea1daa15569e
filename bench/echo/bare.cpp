// Echo with a bare epoll loop: epoll_wait once per turn; recv once per readable client and turn, and what it
// gave is sent with one send. What the kernel does not take is kept until it has room.
#include "bench/blocking/bare.h"

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <netinet/tcp.h>
#include <string>
#include <sys/epoll.h>

namespace {

struct Client {
  int descriptor;
  std::string kept;
};

void wish(int epoll, Client& client, std::uint32_t events, int operation) {
  epoll_event event{events, {.ptr = &client}};
  ::epoll_ctl(epoll, operation, client.descriptor, &event);
}

// False when the client is gone.
bool serve(int epoll, Client& client, std::uint32_t events) {
  static std::array<char, 64 * 1024> buffer;
  if ((events & EPOLLOUT) != 0 && !client.kept.empty()) {
    const ssize_t sent = ::send(client.descriptor, client.kept.data(), client.kept.size(), MSG_NOSIGNAL);
    if (sent < 0) return errno == EAGAIN;
    client.kept.erase(0, static_cast<std::size_t>(sent));
    if (client.kept.empty()) wish(epoll, client, EPOLLIN, EPOLL_CTL_MOD);
    return true;
  }
  const ssize_t size = ::recv(client.descriptor, buffer.data(), buffer.size(), 0);
  if (size <= 0) return size < 0 && errno == EAGAIN;
  ssize_t sent = ::send(client.descriptor, buffer.data(), static_cast<std::size_t>(size), MSG_NOSIGNAL);
  if (sent < 0 && errno != EAGAIN) return false;
  if (sent < 0) sent = 0;
  if (sent < size) {
    client.kept.assign(buffer.data() + sent, static_cast<std::size_t>(size - sent));
    wish(epoll, client, EPOLLOUT, EPOLL_CTL_MOD);
  }
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  const int listener = bench::listen_at(argc, argv);
  const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
  epoll_event event{EPOLLIN, {.ptr = nullptr}};
  ::epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
  std::array<epoll_event, 1024> events;
  for (;;) {
    const int count = ::epoll_wait(epoll, events.data(), static_cast<int>(events.size()), -1);
    for (int i = 0; i < count; ++i) {
      const epoll_event& ready = events[static_cast<std::size_t>(i)];
      if (ready.data.ptr == nullptr) {
        auto* const client =
            new Client{::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK), {}};
        const int on = 1;
        ::setsockopt(client->descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        wish(epoll, *client, EPOLLIN, EPOLL_CTL_ADD);
        continue;
      }
      auto* const client = static_cast<Client*>(ready.data.ptr);
      if (serve(epoll, *client, ready.events)) continue;
      ::close(client->descriptor);
      delete client;
    }
  }
}
