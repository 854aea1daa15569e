// The load: forward_load forward --port P --pid PID [--bytes 1000000000]
//
// Listens at port P + 1, where the forwarder at P sends what it is given, and sends so many bytes through it.
// Prints one line of JSON: the CPU of the process PID for each MiB. Exit status 1: it could not be measured.
#include <algorithm>
#include <arpa/inet.h>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <netinet/in.h>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include "bench/fanout/meter.h"

namespace {

constexpr std::size_t piece = 256 * 1024;
constexpr std::size_t warm_up = 32 * piece;

sockaddr_in loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  return address;
}

int stream() {
  return ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

char byte_at(std::size_t place) {
  return static_cast<char>(place * 7 % 251);
}

void send_all(int to, std::size_t bytes) {
  std::vector<char> text(piece + 251);
  for (std::size_t i = 0; i < text.size(); ++i) text[i] = byte_at(i);
  for (std::size_t sent = 0; sent < bytes;) {
    const std::size_t size = std::min(piece, bytes - sent);
    const ssize_t count = ::send(to, text.data() + sent % 251, size, MSG_NOSIGNAL);
    if (count <= 0) return;  // the other thread tells
    sent += static_cast<std::size_t>(count);
  }
  ::shutdown(to, SHUT_WR);
}

void run(int port, pid_t pid, std::size_t bytes) {
  const bench::ProcessMeter meter(pid);
  const int listener = stream();
  const int on = 1;
  ::setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in target = loopback(port + 1);
  if (::bind(listener, reinterpret_cast<sockaddr*>(&target), sizeof target) != 0 ||
      ::listen(listener, 1) != 0) {
    throw std::runtime_error("cannot listen");
  }
  const int source = stream();
  sockaddr_in forwarder = loopback(port);
  if (::connect(source, reinterpret_cast<sockaddr*>(&forwarder), sizeof forwarder) != 0) {
    throw std::runtime_error("cannot connect");
  }
  const int sink = ::accept(listener, nullptr, nullptr);
  std::thread sender(send_all, source, warm_up + bytes);
  std::vector<char> buffer(piece);
  std::size_t received = 0;
  std::size_t first = 0;
  std::uint64_t cpu = 0;
  std::uint64_t begin = 0;
  bool right = true;
  for (ssize_t count; (count = ::recv(sink, buffer.data(), buffer.size(), 0)) > 0;) {
    right = right && buffer[0] == byte_at(received) &&
            buffer[static_cast<std::size_t>(count) - 1] ==
                byte_at(received + static_cast<std::size_t>(count) - 1);
    received += static_cast<std::size_t>(count);
    if (begin == 0 && received >= warm_up) {
      first = received;
      cpu = meter.cpu();
      begin = bench::now();
    }
  }
  const auto used = static_cast<double>(meter.cpu() - cpu);
  const auto took = static_cast<double>(bench::now() - begin);
  sender.join();
  if (!right || received != warm_up + bytes) throw std::runtime_error("something was lost or changed");
  const double units = static_cast<double>(received - first) / (1024.0 * 1024.0);
  std::printf("{\"count\": %.0f, \"cpu_ns_per_unit\": %.1f, \"units_per_second\": %.1f}\n", units,
              used / units, units * 1e9 / took);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    int port = 0;
    pid_t pid = 0;
    std::size_t bytes = 1'000'000'000;
    for (int i = 2; i + 1 < argc; i += 2) {
      const std::string_view name = argv[i];
      const double value = std::atof(argv[i + 1]);
      if (name == "--port") port = static_cast<int>(value);
      if (name == "--pid") pid = static_cast<pid_t>(value);
      if (name == "--bytes") bytes = static_cast<std::size_t>(value);
    }
    run(port, pid, bytes);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "forward_load: %s\n", error.what());
    return 1;
  }
}
