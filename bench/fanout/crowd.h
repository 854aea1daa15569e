// The clients of a load: many connections to one server, read in one thread.
//
// System calls of a turn: 1 epoll_wait (up to 256 events), 1 recv of up to 256 KiB for each readable client
// (edge-triggered, so that the kernel need not look at each client again; more only if one fills it), and
// 1 send for each client that has something to say.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <netinet/in.h>
#include <optional>
#include <string>
#include <string_view>
#include <sys/epoll.h>
#include <vector>

#include "bench/fanout/meter.h"

namespace bench {

class Crowd {
 public:
  // The server is at 127.0.0.1 and this port.
  explicit Crowd(int port);

  // Connects clients until there are `count` of them, 500 at a time, and between two bursts reads what the
  // server has to say to that. Throws std::system_error.
  void grow(std::size_t count);

  // Reads and discards until neither a byte has come nor the server has done any work for 0.2 s: the join
  // storm is over. Throws std::runtime_error if that takes more than 60 s.
  void settle(const ProcessMeter& server);

  // Reads from each client that has something; on_bytes(client, bytes, time). Answers how many there
  // were. Throws std::runtime_error when the server disconnects a client.
  template <typename OnBytes>
  std::size_t turn(int timeout_ms, OnBytes on_bytes) {
    const std::size_t count = wait(timeout_ms);
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t client = events_[i].data.u64;
      std::string_view bytes;
      do {
        bytes = read(client);
        if (!bytes.empty()) on_bytes(client, bytes, now());
      } while (bytes.size() == buffer_.size());
      if (events_[i].events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) gone(client);
    }
    return count;
  }

  // Sends as much of the text as the kernel takes, and removes it from the text.
  void send(std::size_t client, std::string& text);

  // Those who connect from now on have a receive buffer of so many bytes; the kernel does not tune it.
  void narrow(int receive_buffer) { receive_buffer_ = receive_buffer; }

  // From this client on they are read with `read_aside` alone, which reads up to so much, and may be cut off.
  // Answers how many bytes that were; none: it was cut off.
  void set_aside(std::size_t first);
  std::optional<std::size_t> read_aside(std::size_t client, std::size_t most);

  // What others see as the name of a client: "[127.0.0.2:40000] ".
  std::string name(std::size_t client) const;

  std::size_t size() const { return clients_.size(); }

 private:
  std::size_t wait(int timeout_ms);
  std::string_view read(std::size_t client);
  [[noreturn]] static void gone(std::size_t client);
  void connect();

  sockaddr_in server_{};
  int epoll_;
  int receive_buffer_ = 0;  // 0: the kernel's choice
  std::vector<int> clients_;
  std::array<epoll_event, 256> events_;
  std::vector<char> buffer_;
};

}  // namespace bench
