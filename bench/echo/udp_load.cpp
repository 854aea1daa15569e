// The load of datagrams: udp_load echo --port P --pid PID [--clients 50] [--in-flight 1]
//                                           [--cpu-seconds 1] [--max-seconds 20]
//
// So many clients, each a connected socket, have so many datagrams of 64 bytes on their way at any time: as
// one comes back, the next one goes. Prints one line of JSON: the CPU of the process PID for a datagram there
// and back. Exit status 1: it could not be measured, or one was lost.
#include <arpa/inet.h>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <netinet/in.h>
#include <stdexcept>
#include <string_view>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>
#include <vector>

#include "bench/fanout/meter.h"

namespace {

constexpr std::size_t most = 64;
constexpr std::size_t size = 64;
constexpr int patience_ms = 1000;  // loopback answers at once, or has dropped it

class Load {
 public:
  Load(std::uint16_t port, std::size_t clients, std::size_t in_flight)
      : poller_(::epoll_create1(EPOLL_CLOEXEC)) {
    std::memset(bytes_.data(), 'x', bytes_.size());
    for (std::size_t i = 0; i < most; ++i) {
      pieces_[i] = {.iov_base = bytes_.data() + i * size, .iov_len = size};
      headers_[i].msg_hdr = {};
      headers_[i].msg_hdr.msg_iov = &pieces_[i];
      headers_[i].msg_hdr.msg_iovlen = 1;
    }
    sockaddr_in server{};
    server.sin_family = AF_INET;
    server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    server.sin_port = htons(port);
    for (std::size_t i = 0; i < clients; ++i) {
      const int client = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
      if (::connect(client, reinterpret_cast<sockaddr*>(&server), sizeof server) != 0) {
        throw std::runtime_error("cannot connect");
      }
      epoll_event event{.events = EPOLLIN, .data = {.fd = client}};
      ::epoll_ctl(poller_, EPOLL_CTL_ADD, client, &event);
      clients_.push_back(client);
    }
    for (const int client : clients_) send(client, in_flight);
  }
  ~Load() {
    for (const int client : clients_) ::close(client);
    ::close(poller_);
  }
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;

  // Answers how many have come back since.
  std::uint64_t turn() {
    std::array<epoll_event, most> events;
    const int ready = ::epoll_wait(poller_, events.data(), most, patience_ms);
    if (ready <= 0) throw std::runtime_error("no answer: a datagram was lost, or the server is gone");
    std::uint64_t all = 0;
    for (std::size_t i = 0; i < static_cast<std::size_t>(ready); ++i) {
      const int client = events[i].data.fd;
      const int count = ::recvmmsg(client, headers_.data(), most, MSG_DONTWAIT, nullptr);
      if (count <= 0) throw std::runtime_error("recvmmsg: the server is gone");
      for (std::size_t k = 0; k < static_cast<std::size_t>(count); ++k) {
        if (headers_[k].msg_len != size) throw std::runtime_error("a wrong answer");
      }
      send(client, static_cast<std::size_t>(count));
      all += static_cast<std::uint64_t>(count);
    }
    return all;
  }

 private:
  void send(int client, std::size_t count) {
    if (::sendmmsg(client, headers_.data(), static_cast<unsigned>(count), 0) != static_cast<int>(count)) {
      throw std::runtime_error("sendmmsg");
    }
  }

  int poller_;
  std::vector<int> clients_;
  std::array<char, most * size> bytes_{};
  std::array<iovec, most> pieces_{};
  std::array<mmsghdr, most> headers_{};
};

void measure(Load& load, const bench::ProcessMeter& meter, double cpu_seconds, double max_seconds) {
  for (std::uint64_t warm = 0; warm < 5000;) warm += load.turn();
  const std::uint64_t cpu = meter.cpu();
  const std::uint64_t begin = bench::now();
  std::uint64_t count = 0;
  std::uint64_t used = 0;
  std::uint64_t took = 0;
  do {
    for (const std::uint64_t next = count + 1000; count < next;) count += load.turn();
    used = meter.cpu() - cpu;
    took = bench::now() - begin;
  } while (static_cast<double>(used) < cpu_seconds * 1e9 && static_cast<double>(took) < max_seconds * 1e9);
  std::printf("{\"count\": %llu, \"cpu_ns_per_unit\": %.2f, \"units_per_second\": %.1f}\n",
              static_cast<unsigned long long>(count), static_cast<double>(used) / static_cast<double>(count),
              static_cast<double>(count) * 1e9 / static_cast<double>(took));
}

}  // namespace

int main(int argc, char** argv) {
  try {
    std::uint16_t port = 0;
    pid_t pid = 0;
    std::size_t clients = 50;
    std::size_t in_flight = 1;
    double cpu_seconds = 1;
    double max_seconds = 20;
    for (int i = 2; i + 1 < argc; i += 2) {
      const std::string_view name = argv[i];
      const double value = std::atof(argv[i + 1]);
      if (name == "--port") port = static_cast<std::uint16_t>(value);
      if (name == "--pid") pid = static_cast<pid_t>(value);
      if (name == "--clients") clients = static_cast<std::size_t>(value);
      if (name == "--in-flight") in_flight = static_cast<std::size_t>(value);
      if (name == "--cpu-seconds") cpu_seconds = value;
      if (name == "--max-seconds") max_seconds = value;
    }
    if (clients == 0 || in_flight == 0 || in_flight > most) throw std::runtime_error("1 to 64 in flight");
    const bench::ProcessMeter meter(pid);
    Load load(port, clients, in_flight);
    measure(load, meter, cpu_seconds, max_seconds);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "udp_load: %s\n", error.what());
    return 1;
  }
}
