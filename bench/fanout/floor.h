// What the two floors share: listening, accepting, cutting lines, and keeping what the kernel does not take.
//
// A floor is the least that a chat server can do: it knows no limits, no telnet, no greeting, and its lines
// are not checked. Each client gets `[HOST:PORT] text\r\n`, the bytes that parleyd would send. Every system
// call a floor makes stands in this file:
//   epoll_wait  once per turn, up to 1024 events
//   recv        once per readable client and turn, up to 64 KiB
//   send        once per call of Floor::send (sendmsg where the text is in two pieces); again, on EPOLLOUT,
//               only where the kernel took less than all
//   accept4, setsockopt, epoll_ctl, close   when clients come and go
#pragma once

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <span>
#include <string>
#include <string_view>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include "bench/fanout/sockets.h"

namespace bench {

struct Client {
  int fd;
  std::size_t place;      // in Floor::clients()
  std::string name;       // "[127.0.0.1:40000] "
  std::string line;       // the start of a line whose end has not come yet
  std::string kept;       // what the kernel did not take
  std::size_t begin = 0;  // where this client's own lines stand in the turn's text (floor_turn)
  std::size_t end = 0;
  bool gone = false;
};

class Floor {
 public:
  // Listens on 127.0.0.1, at the port given as the program's argument (0: any), and says so on stdout.
  Floor(int argc, char** argv) {
    raise_descriptor_limit();
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(argc > 1 ? std::atoi(argv[1]) : 0));
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    const int on = 1;
    ::setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    socklen_t size = sizeof address;
    if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) < 0 || ::listen(listener_, 4096) < 0) {
      std::perror("listen");
      std::exit(1);
    }
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    epoll_ = ::epoll_create1(0);
    epoll_event event{EPOLLIN, {.ptr = nullptr}};
    ::epoll_ctl(epoll_, EPOLL_CTL_ADD, listener_, &event);
    std::printf("listening on port %d\n", ntohs(address.sin_port));
    std::fflush(stdout);
  }

  const std::vector<std::unique_ptr<Client>>& clients() const { return clients_; }

  // Waits for something to happen; first forgets the clients that went in the last turn.
  std::span<const epoll_event> wait() {
    for (Client* client : gone_) forget(*client);
    gone_.clear();
    const int count = ::epoll_wait(epoll_, events_.data(), static_cast<int>(events_.size()), -1);
    return {events_.data(), count < 0 ? 0 : static_cast<std::size_t>(count)};
  }

  // Accepts, and sends what was kept; answers the client if there is something to read from it.
  Client* readable(const epoll_event& event) {
    if (!event.data.ptr) return accept(), nullptr;
    auto* client = static_cast<Client*>(event.data.ptr);
    if (!client->gone && (event.events & EPOLLOUT)) send_kept(*client);
    return !client->gone && (event.events & ~EPOLLOUT) ? client : nullptr;
  }

  // Reads once, and hands over each line without its end.
  template <typename OnLine>
  void read(Client& client, OnLine on_line) {
    const ssize_t count = ::recv(client.fd, buffer_.data(), buffer_.size(), 0);
    if (count <= 0) {
      if (count == 0 || errno != EAGAIN) drop(client);
      return;
    }
    std::string_view text(buffer_.data(), static_cast<std::size_t>(count));
    for (std::size_t end; (end = text.find('\n')) != text.npos; text.remove_prefix(end + 1)) {
      std::string_view line = text.substr(0, end);
      if (!client.line.empty()) line = client.line.append(line);
      if (line.ends_with('\r')) line.remove_suffix(1);
      on_line(line);
      client.line.clear();
    }
    client.line.append(text);
  }

  // Sends the text with one system call; what the kernel does not take is kept until it has room.
  void send(Client& client, std::string_view text) {
    if (!client.kept.empty()) return keep(client, text);
    if (client.gone) return;
    taken(client, ::send(client.fd, text.data(), text.size(), MSG_NOSIGNAL), text, {});
  }

  void send(Client& client, std::string_view first, std::string_view second) {
    if (!client.kept.empty()) return keep(client, first), keep(client, second);
    if (client.gone) return;
    std::array<iovec, 2> pieces{iovec{const_cast<char*>(first.data()), first.size()},
                                iovec{const_cast<char*>(second.data()), second.size()}};
    msghdr message{};
    message.msg_iov = pieces.data();
    message.msg_iovlen = pieces.size();
    taken(client, ::sendmsg(client.fd, &message, MSG_NOSIGNAL), first, second);
  }

 private:
  void accept() {
    sockaddr_in peer{};
    socklen_t size = sizeof peer;
    int fd;
    while ((fd = ::accept4(listener_, reinterpret_cast<sockaddr*>(&peer), &size, SOCK_NONBLOCK)) >= 0) {
      const int on = 1;
      ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      clients_.push_back(std::make_unique<Client>(Client{fd, clients_.size(), line_prefix(peer), {}, {}}));
      watch(*clients_.back(), EPOLL_CTL_ADD, EPOLLIN);
    }
  }

  void taken(Client& client, ssize_t count, std::string_view first, std::string_view second) {
    if (count < 0 && errno != EAGAIN) return drop(client);
    const std::size_t sent = count < 0 ? 0 : static_cast<std::size_t>(count);
    if (sent == first.size() + second.size()) return;
    if (sent < first.size())
      keep(client, first.substr(sent)), keep(client, second);
    else
      keep(client, second.substr(sent - first.size()));
    watch(client, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
  }

  void keep(Client& client, std::string_view text) { client.kept.append(text); }

  void send_kept(Client& client) {
    const ssize_t count = ::send(client.fd, client.kept.data(), client.kept.size(), MSG_NOSIGNAL);
    if (count < 0) {
      if (errno != EAGAIN) drop(client);
      return;
    }
    client.kept.erase(0, static_cast<std::size_t>(count));
    if (client.kept.empty()) watch(client, EPOLL_CTL_MOD, EPOLLIN);
  }

  // A client lives until the end of the turn: its events and its place among the clients are still in use.
  void drop(Client& client) {
    if (std::exchange(client.gone, true)) return;
    gone_.push_back(&client);
  }

  void forget(const Client& client) {
    ::close(client.fd);
    const std::size_t place = client.place;
    clients_.back()->place = place;
    std::swap(clients_[place], clients_.back());
    clients_.pop_back();
  }

  void watch(Client& client, int operation, std::uint32_t wanted) {
    epoll_event event{wanted, {.ptr = &client}};
    ::epoll_ctl(epoll_, operation, client.fd, &event);
  }

  int listener_;
  int epoll_;
  std::vector<std::unique_ptr<Client>> clients_;
  std::vector<Client*> gone_;
  std::array<epoll_event, 1024> events_;
  std::array<char, 64 * 1024> buffer_;
};

}  // namespace bench
