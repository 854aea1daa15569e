// The same with a thread for each connection, which the next one to finish joins.
#include <array>
#include <atomic>
#include <cstdint>
#include <poll.h>
#include <pthread.h>
#include <string_view>
#include <sys/eventfd.h>

#include "bench/blocking/bare.h"

namespace {

std::atomic<pthread_t> finished;

void* serve(void* given) {
  const int client = static_cast<int>(reinterpret_cast<std::intptr_t>(given));
  std::array<char, 8192> buffer;
  const ssize_t size = ::recv(client, buffer.data(), buffer.size(), 0);
  if (size > 0 && std::string_view(buffer.data(), static_cast<std::size_t>(size)).ends_with('\n')) {
    ::send(client, buffer.data(), static_cast<std::size_t>(size), MSG_NOSIGNAL);
  }
  ::close(client);
  if (const pthread_t before = finished.exchange(::pthread_self())) ::pthread_join(before, nullptr);
  return nullptr;
}

}  // namespace

int main(int argc, char** argv) {
  const int listener = bench::listen_at(argc, argv);
  std::array<pollfd, 2> wanted{pollfd{listener, POLLIN, 0}, pollfd{::eventfd(0, EFD_CLOEXEC), POLLIN, 0}};
  while (::poll(wanted.data(), wanted.size(), -1) > 0) {
    const std::intptr_t client = bench::accept_at(listener);
    pthread_t thread;
    if (::pthread_create(&thread, nullptr, serve, reinterpret_cast<void*>(client)) != 0) {
      ::close(static_cast<int>(client));
    }
  }
}
