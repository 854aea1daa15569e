#include "parley/process/standard_descriptors.h"

#include <csignal>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

namespace parley {
namespace {

// Runs the checks in a process of their own, since they change what the whole process has.
template <class Checks>
void in_a_child(Checks checks) {
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) ::_exit(checks() ? 0 : 1);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
}

TEST(StandardDescriptorsTest, ThoseThatAreClosedAreOpened) {
  in_a_child([] {
    ::close(0);
    ::close(1);
    open_standard_descriptors();
    const bool opened = ::fcntl(0, F_GETFD) >= 0 && ::write(1, "x", 1) == 1;
    const int next = ::open("/dev/null", O_RDONLY);
    return opened && next > 2;
  });
}

TEST(StandardDescriptorsTest, ThoseThatAreOpenStayWhatTheyAre) {
  in_a_child([] {
    int ends[2];
    if (::pipe(ends) != 0) return false;
    ::dup2(ends[1], 1);
    open_standard_descriptors();
    char byte = 0;
    return ::write(1, "y", 1) == 1 && ::read(ends[0], &byte, 1) == 1 && byte == 'y';
  });
}

}  // namespace
}  // namespace parley
