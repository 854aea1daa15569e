#include "parley/process/pipes.h"

#include <cerrno>
#include <csignal>
#include <ctime>
#include <unistd.h>

namespace parley {

namespace {

std::error_code last_error() {
  return {errno, std::generic_category()};
}

// Keeps a SIGPIPE of this thread from arriving. One that was waiting already is left waiting.
class WithoutSigpipe {
 public:
  WithoutSigpipe() {
    sigset_t waiting;
    ::sigpending(&waiting);
    waited_ = ::sigismember(&waiting, SIGPIPE) == 1;
    ::sigemptyset(&signal_);
    ::sigaddset(&signal_, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &signal_, &before_);
  }
  ~WithoutSigpipe() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  WithoutSigpipe(const WithoutSigpipe&) = delete;
  WithoutSigpipe& operator=(const WithoutSigpipe&) = delete;

  void take_away() {
    if (waited_) return;
    const timespec at_once{};
    while (::sigtimedwait(&signal_, nullptr, &at_once) < 0 && errno == EINTR) {
    }
  }

 private:
  sigset_t signal_;
  sigset_t before_;
  bool waited_;
};

}  // namespace

Result<std::size_t> read_pipe(int descriptor, std::span<char> memory) {
  for (;;) {
    const auto count = ::read(descriptor, memory.data(), memory.size());
    if (count >= 0) return static_cast<std::size_t>(count);
    if (errno != EINTR) return last_error();
  }
}

Result<std::size_t> write_pipe(int descriptor, std::string_view bytes) {
  WithoutSigpipe quiet;
  for (;;) {
    const auto count = ::write(descriptor, bytes.data(), bytes.size());
    if (count >= 0) return static_cast<std::size_t>(count);
    const std::error_code error = last_error();
    if (error == std::errc::broken_pipe) quiet.take_away();
    if (error != std::errc::interrupted) return error;
  }
}

}  // namespace parley
