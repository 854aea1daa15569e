// The clients of a server that runs under callgrind, in the server's own process: a library that is
// preloaded.
//
// It stands in front of epoll_wait. When the server is about to sleep and nothing is ready, it does the next
// step of its clients: sends a request, makes a connection. So each turn of the server has exactly the work
// that the case says, whatever the machine does meanwhile, and two runs count the same. Counting is off while
// the clients are at it. What this file's own functions cost is a part of the count, which
// bench/instructions.py takes out again.
//
// PARLEY_CASE says what to do:
//   echo PORT CONNECTIONS READY UNITS     READY connections, each time others, send 64 bytes: a turn
//   connection PORT 0 0 UNITS             a connection is made and sends 64 bytes; when they have come back,
//   it is
//                                         closed, and the next one made at once
//   delivery PORT MEMBERS LINES UNITS     one member sends LINES of 64 bytes, which every other gets: a turn
// Counts UNITS, after some that are not counted, and ends the process. A line on stderr says how often the
// server slept meanwhile. Exit status 3: an answer was wrong or did not come.
#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string_view>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <valgrind/callgrind.h>
#include <vector>

namespace {

constexpr std::size_t size = 64;
constexpr int warm_units = 64;  // caches of malloc, of the server, and every connection accepted
constexpr int patience = 5000;  // milliseconds

[[noreturn]] void fail(const char* why) {
  std::fprintf(stderr, "instructions: %s (%s)\n", why, std::strerror(errno));
  ::_exit(3);
}

// What the server slept through is not ready yet, and so the clients may go on.
bool nothing_ready(int epoll, int timeout) {
  pollfd one{epoll, POLLIN, 0};
  return ::poll(&one, 1, timeout) == 0;
}

class Clients {
 public:
  Clients() {
    const char* const text = std::getenv("PARLEY_CASE");
    char name[16];
    if (text == nullptr || std::sscanf(text, "%15s %hu %zu %zu %d", name, &port_, &a_, &b_, &units_) != 5) {
      fail("PARLEY_CASE: NAME PORT A B UNITS");
    }
    const std::string_view what(name);
    connection_ = what == "connection";
    delivery_ = what == "delivery";
    message_.resize(size * (delivery_ ? b_ : 1));
    for (std::size_t i = 0; i < message_.size(); ++i) message_[i] = static_cast<char>('!' + i * 31 % 89);
    for (std::size_t end = size; delivery_ && end <= message_.size(); end += size) {
      message_[end - 2] = '\r';
      message_[end - 1] = '\n';
    }
    answer_.resize(message_.size() + 1);
  }

  // Called when the server is about to sleep.
  void go_on(int epoll) {
    if (epoll_ < 0) epoll_ = epoll;
    if (epoll != epoll_) return;
    if (counting_) CALLGRIND_TOGGLE_COLLECT;
    if (nothing_ready(epoll, 0)) step();
    if (counting_) {
      ++slept_;
      CALLGRIND_TOGGLE_COLLECT;
    }
  }

 private:
  void step() {
    if (connection_) return step_of_connection();
    if (sockets_.empty()) {
      while (sockets_.size() < a_) sockets_.push_back(connect());
      return;  // the server accepts them all before it sleeps with nothing ready
    }
    if (!take_answers()) return;
    next_unit();
    if (delivery_) {
      send(sockets_[0]);
    } else {
      for (std::size_t i = 0; i < b_; ++i) send(sockets_[(first_ + i) % a_]);
    }
    waiting_ = true;
  }

  // One after the other: what the server sees of the end of one comes together with the next.
  void step_of_connection() {
    if (waiting_) {
      if (!take_answer(sockets_[0])) return;
      ::close(sockets_[0]);
      sockets_.clear();
    }
    next_unit();
    sockets_.push_back(connect());
    send(sockets_[0]);
    waiting_ = true;
  }

  // False: the kernel has the request still on its way to the server.
  bool take_answers() {
    if (!waiting_) return true;
    if (delivery_) {
      for (; taken_ + 1 < a_; ++taken_) {
        if (!take_answer(sockets_[taken_ + 1])) return false;
      }
    } else {
      for (; taken_ < b_; ++taken_) {
        if (!take_answer(sockets_[(first_ + taken_) % a_])) return false;
      }
      first_ = (first_ + b_) % a_;
    }
    taken_ = 0;
    waiting_ = false;
    return true;
  }

  // The answer is whole or not there: nobody else has written, and the server has slept since.
  bool take_answer(int socket) {
    const ssize_t count = ::recv(socket, answer_.data(), answer_.size(), MSG_DONTWAIT);
    if (count < 0 && errno == EAGAIN) {
      if (nothing_ready(epoll_, patience)) fail("no answer");
      return false;
    }
    if (count != static_cast<ssize_t>(message_.size()) ||
        !std::equal(message_.begin(), message_.end(), answer_.begin())) {
      fail("a wrong answer");
    }
    return true;
  }

  void send(int socket) const {
    if (::send(socket, message_.data(), message_.size(), MSG_NOSIGNAL) !=
        static_cast<ssize_t>(message_.size())) {
      fail("a request was not taken");
    }
  }

  int connect() const {
    const int made = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port_);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(made, reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0) fail("connect");
    const int on = 1;
    ::setsockopt(made, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return made;
  }

  // Nothing is in flight here: counting begins, and ends.
  void next_unit() {
    ++done_;
    if (done_ == warm_units) counting_ = true;
    if (done_ == warm_units + units_) {
      std::fprintf(stderr, "slept %d\n", slept_);
      ::_exit(0);
    }
  }

  std::uint16_t port_ = 0;
  std::size_t a_ = 0;
  std::size_t b_ = 0;
  int units_ = 0;
  bool connection_ = false;
  bool delivery_ = false;
  std::vector<char> message_;
  std::vector<char> answer_;

  int epoll_ = -1;
  std::vector<int> sockets_;
  std::size_t first_ = 0;  // of the connections that send in this unit
  std::size_t taken_ = 0;  // answers of this unit
  bool waiting_ = false;
  bool counting_ = false;
  int done_ = 0;
  int slept_ = 0;
};

Clients& clients() {
  static Clients all;
  return all;
}

template <class Function>
Function next(const char* name) {
  return reinterpret_cast<Function>(::dlsym(RTLD_NEXT, name));
}

using Wait = int (*)(int, epoll_event*, int, int);
using MaskedWait = int (*)(int, epoll_event*, int, int, const sigset_t*);

}  // namespace

extern "C" {

__attribute__((visibility("default"))) int epoll_wait(int epoll, epoll_event* events, int most, int timeout) {
  static const Wait real = next<Wait>("epoll_wait");
  if (timeout != 0) clients().go_on(epoll);
  return real(epoll, events, most, timeout);
}

__attribute__((visibility("default"))) int epoll_pwait(int epoll, epoll_event* events, int most, int timeout,
                                                       const sigset_t* mask) {
  static const MaskedWait real = next<MaskedWait>("epoll_pwait");
  if (timeout != 0) clients().go_on(epoll);
  return real(epoll, events, most, timeout, mask);
}

}  // extern "C"
