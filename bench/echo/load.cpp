// The load: echo_load echo|idle --port P --pid PID [--connections 50] [--in-flight 1] [--cpu-seconds 1]
// [--max-seconds 20]
//
// Each connection keeps so many requests of 64 bytes in flight, and sends a new one for each that has come
// back. Checks what comes back. Prints one line of JSON: the CPU of the process PID for one request, requests
// per second; or, for `idle`, its memory for each connection that was served once. Exit status 1: it could
// not be measured.
#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include "bench/fanout/meter.h"
#include "bench/fanout/sockets.h"

namespace {

constexpr std::size_t size = 64;

struct Connection {
  int descriptor = -1;
  std::uint64_t sent = 0;      // requests
  std::uint64_t received = 0;  // bytes
};

// What the bytes of a connection are: they differ from place to place, so that nothing can be lost or
// swapped.
char byte_at(std::uint64_t place) {
  return static_cast<char>('!' + place * 31 % 89);
}

void send_requests(Connection& connection, std::size_t count) {
  std::array<char, 64 * size> text;
  for (std::size_t i = 0; i < count * size; ++i) text[i] = byte_at(connection.sent * size + i);
  connection.sent += count;
  if (::send(connection.descriptor, text.data(), count * size, MSG_NOSIGNAL) !=
      static_cast<ssize_t>(count * size)) {
    throw std::runtime_error("a request was not taken");
  }
}

// Receives once; answers how many requests are whole again.
std::size_t receive(Connection& connection) {
  static std::array<char, 64 * 1024> buffer;
  const ssize_t count = ::recv(connection.descriptor, buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (count <= 0) {
    if (count < 0 && errno == EAGAIN) return 0;
    throw std::runtime_error("the server has ended a connection");
  }
  const std::uint64_t before = connection.received / size;
  for (ssize_t i = 0; i < count; ++i) {
    if (buffer[static_cast<std::size_t>(i)] != byte_at(connection.received++))
      throw std::runtime_error("a wrong byte");
  }
  return connection.received / size - before;
}

void run(std::uint16_t port, pid_t pid, std::size_t connections, std::size_t in_flight, double cpu_seconds,
         double max_seconds, bool idle) {
  const bench::ProcessMeter meter(pid);
  const std::uint64_t memory = idle ? meter.memory("Rss:") : 0;
  const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
  std::vector<Connection> all(connections);
  for (Connection& connection : all) {
    connection.descriptor = bench::connect_to(port);
    epoll_event event{EPOLLIN, {.ptr = &connection}};
    ::epoll_ctl(epoll, EPOLL_CTL_ADD, connection.descriptor, &event);
  }
  for (Connection& connection : all) send_requests(connection, in_flight);
  std::uint64_t count = 0;
  std::uint64_t first = 0;
  std::uint64_t cpu = 0;
  std::uint64_t begin = 0;
  const std::uint64_t warm = idle ? connections : 20'000;
  std::array<epoll_event, 1024> events;
  for (;;) {
    const int ready = ::epoll_wait(epoll, events.data(), static_cast<int>(events.size()), 5000);
    if (ready <= 0) throw std::runtime_error("nothing comes back");
    for (int i = 0; i < ready; ++i) {
      auto& connection = *static_cast<Connection*>(events[static_cast<std::size_t>(i)].data.ptr);
      const std::size_t back = receive(connection);
      count += back;
      if (back != 0 && !idle) send_requests(connection, back);
    }
    if (idle) {
      if (count < warm) continue;
      std::this_thread::sleep_for(std::chrono::milliseconds(300));
      std::printf(
          "{\"bytes_per_connection\": %.1f}\n",
          1024.0 * static_cast<double>(meter.memory("Rss:") - memory) / static_cast<double>(connections));
      return;
    }
    if (count < warm) continue;
    if (begin == 0) {
      first = count;
      cpu = meter.cpu();
      begin = bench::now();
      continue;
    }
    const auto used = static_cast<double>(meter.cpu() - cpu);
    const auto took = static_cast<double>(bench::now() - begin);
    if (used < cpu_seconds * 1e9 && took < max_seconds * 1e9) continue;
    const auto done = static_cast<double>(count - first);
    std::printf("{\"count\": %.0f, \"cpu_ns_per_unit\": %.2f, \"units_per_second\": %.1f}\n", done,
                used / done, done * 1e9 / took);
    return;
  }
}

}  // namespace

int main(int argc, char** argv) {
  try {
    bench::raise_descriptor_limit();
    std::uint16_t port = 0;
    pid_t pid = 0;
    std::size_t connections = 50;
    std::size_t in_flight = 1;
    double cpu_seconds = 1;
    double max_seconds = 20;
    const bool idle = argc > 1 && std::string_view(argv[1]) == "idle";
    for (int i = 2; i + 1 < argc; i += 2) {
      const std::string_view name = argv[i];
      const double value = std::atof(argv[i + 1]);
      if (name == "--port") port = static_cast<std::uint16_t>(value);
      if (name == "--pid") pid = static_cast<pid_t>(value);
      if (name == "--connections") connections = static_cast<std::size_t>(value);
      if (name == "--in-flight") in_flight = static_cast<std::size_t>(value);
      if (name == "--cpu-seconds") cpu_seconds = value;
      if (name == "--max-seconds") max_seconds = value;
    }
    if (in_flight < 1 || in_flight > 64) throw std::runtime_error("--in-flight: 1 to 64");
    run(port, pid, connections, in_flight, cpu_seconds, max_seconds, idle);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "echo_load: %s\n", error.what());
    return 1;
  }
}
