// The load: blocking_load echo|connections --port P --pid PID [--cpu-seconds 1] [--max-seconds 20]
//
//   echo         64 bytes there and back, one message at a time, over one connection.
//   connections  one connection after the other, each with a line there and back, until the server ends it.
//
// Prints one line of JSON: the server's CPU (of the process PID) for one of these. Exit status 1: it could
// not be measured.
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/fanout/meter.h"
#include "bench/fanout/sockets.h"

namespace {

constexpr std::string_view message = "sixty-three bytes of text, which are ended by one line feed . .\n";
static_assert(message.size() == 64);

void there_and_back(int client) {
  if (::send(client, message.data(), message.size(), MSG_NOSIGNAL) != 64) throw std::runtime_error("send");
  std::array<char, 256> buffer;
  std::size_t size = 0;
  while (size < message.size()) {
    const ssize_t count = ::recv(client, buffer.data() + size, buffer.size() - size, 0);
    if (count <= 0) throw std::runtime_error("the server has ended the connection");
    size += static_cast<std::size_t>(count);
  }
  if (std::string_view(buffer.data(), size) != message) throw std::runtime_error("a wrong answer");
}

void one_connection(std::uint16_t port) {
  const int client = bench::connect_to(port);
  there_and_back(client);
  char rest;
  if (::recv(client, &rest, 1, 0) != 0) throw std::runtime_error("more than the answer");
  ::close(client);
}

// Does `once` until the server has used its time.
template <class Once>
void measure(const bench::ProcessMeter& meter, double cpu_seconds, double max_seconds, Once once) {
  for (int i = 0; i < 500; ++i) once();
  const std::uint64_t cpu = meter.cpu();
  const std::uint64_t begin = bench::now();
  std::uint64_t count = 0;
  std::uint64_t used = 0;
  std::uint64_t took = 0;
  do {
    for (int i = 0; i < 100; ++i) once();
    count += 100;
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
    const std::string_view what = argc > 1 ? argv[1] : "";
    std::uint16_t port = 0;
    pid_t pid = 0;
    double cpu_seconds = 1;
    double max_seconds = 20;
    for (int i = 2; i + 1 < argc; i += 2) {
      const std::string_view name = argv[i];
      const double value = std::atof(argv[i + 1]);
      if (name == "--port") port = static_cast<std::uint16_t>(value);
      if (name == "--pid") pid = static_cast<pid_t>(value);
      if (name == "--cpu-seconds") cpu_seconds = value;
      if (name == "--max-seconds") max_seconds = value;
    }
    const bench::ProcessMeter meter(pid);
    if (what == "connections") {
      measure(meter, cpu_seconds, max_seconds, [port] { one_connection(port); });
    } else {
      const int client = bench::connect_to(port);
      measure(meter, cpu_seconds, max_seconds, [client] { there_and_back(client); });
      ::close(client);
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "blocking_load: %s\n", error.what());
    return 1;
  }
}
