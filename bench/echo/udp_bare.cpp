// The floor for datagrams: epoll, recvmmsg, sendmmsg, and nothing else. Knows no limits and drops what does
// not fit. udp_bare PORT
#include <arpa/inet.h>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <vector>

namespace {

constexpr std::size_t batch = 64;
constexpr std::size_t largest = 2048;

int bound_at(const char* port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(std::atoi(port)));
  const int server = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (::bind(server, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    std::perror("bind");
    std::exit(1);
  }
  return server;
}

}  // namespace

int main(int argc, char** argv) {
  const int server = bound_at(argc > 1 ? argv[1] : "0");
  const int poller = ::epoll_create1(EPOLL_CLOEXEC);
  epoll_event event{.events = EPOLLIN, .data = {}};
  ::epoll_ctl(poller, EPOLL_CTL_ADD, server, &event);
  std::vector<std::array<char, largest>> buffers(batch);
  std::vector<sockaddr_storage> names(batch);
  std::vector<iovec> pieces(batch);
  std::vector<mmsghdr> headers(batch);
  for (std::size_t i = 0; i < batch; ++i) {
    headers[i].msg_hdr.msg_name = &names[i];
    headers[i].msg_hdr.msg_iov = &pieces[i];
    headers[i].msg_hdr.msg_iovlen = 1;
  }
  for (;;) {
    if (::epoll_wait(poller, &event, 1, -1) < 1) continue;
    for (std::size_t i = 0; i < batch; ++i) {
      pieces[i] = {.iov_base = buffers[i].data(), .iov_len = largest};
      headers[i].msg_hdr.msg_namelen = sizeof(sockaddr_storage);
    }
    const int count = ::recvmmsg(server, headers.data(), batch, MSG_DONTWAIT, nullptr);
    if (count <= 0) continue;
    for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) pieces[i].iov_len = headers[i].msg_len;
    ::sendmmsg(server, headers.data(), static_cast<unsigned>(count), MSG_DONTWAIT | MSG_NOSIGNAL);
  }
}
