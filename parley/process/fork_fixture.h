#pragma once

#include <array>
#include <cerrno>
#include <csignal>
#include <gtest/gtest.h>
#include <poll.h>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace parley {

// For tests alone: a fork. Both processes go on behind the constructor, tell each other words, and wait for
// those; the child is to `leave` before the test's end. Nothing here waits for more than ten seconds, and the
// child ends after thirty.
class Fork {
 public:
  Fork() {
    std::array<int, 2> ends{-1, -1};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()), 0);
    child_ = ::fork();
    if (in_child()) ::alarm(30);
    end_ = ends[in_child() ? 1 : 0];
    ::close(ends[in_child() ? 0 : 1]);
  }
  ~Fork() {
    if (child_ > 0 && !waited_) {
      ::kill(child_, SIGKILL);
      ::waitpid(child_, nullptr, 0);
    }
    ::close(end_);
  }
  Fork(const Fork&) = delete;
  Fork& operator=(const Fork&) = delete;

  bool in_child() const { return child_ == 0; }
  pid_t child() const { return child_; }

  void say(std::string_view words) const {
    static_cast<void>(::send(end_, words.data(), words.size(), MSG_NOSIGNAL));
  }
  // What the other one says; nothing where it says nothing, or is gone.
  std::string hear() const {
    if (!heard(10'000)) return {};
    std::array<char, 1024> words;
    const ssize_t size = ::recv(end_, words.data(), words.size(), 0);
    return {words.data(), size < 0 ? 0U : static_cast<std::size_t>(size)};
  }
  bool heard(int milliseconds) const {
    pollfd polled{end_, POLLIN, 0};
    return ::poll(&polled, 1, milliseconds) > 0;
  }

  [[noreturn]] static void leave() { ::_exit(0); }
  // In the parent: whether it has left so.
  bool has_left() {
    int status = 0;
    EXPECT_EQ(hear(), "") << "it was to say no more";
    waited_ = ::waitpid(child_, &status, heard(0) ? 0 : WNOHANG) == child_;
    return waited_ && WIFEXITED(status) && WEXITSTATUS(status) == 0;
  }

 private:
  pid_t child_ = -1;
  int end_ = -1;
  bool waited_ = false;
};

}  // namespace parley
