#include "parley/socket/error.h"

#include <cerrno>
#include <gtest/gtest.h>
#include <string>
#include <type_traits>

namespace parley {
namespace {

using namespace std::chrono_literals;

static_assert(std::is_nothrow_copy_constructible_v<SocketError>);

TEST(SocketError, SaysOperationEndpointReasonAndAdvice) {
  const auto in_use = std::make_error_code(std::errc::address_in_use);
  EXPECT_STREQ(SocketError("bind", "0.0.0.0:2626", in_use).what(),
               "bind 0.0.0.0:2626: Address already in use");
  EXPECT_STREQ(SocketError("bind", "/run/x", in_use, "remove it").what(),
               "bind /run/x: Address already in use (remove it)");
  EXPECT_STREQ(SocketError("socket", "", in_use).what(), "socket: Address already in use");
}

TEST(SocketError, IsASystemErrorThatKeepsItsMessageWhenCopied) {
  const std::error_code refused(ECONNREFUSED, std::system_category());
  try {
    const SocketError original("connect", "127.0.0.1:81", refused);
    throw SocketError(original);
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code(), std::errc::connection_refused);
    EXPECT_STREQ(error.what(), "connect 127.0.0.1:81: Connection refused");
  }
}

TEST(SocketError, SaysWhatToDoWhereNoDescriptorIsLeft) {
  const std::string see = "this process may open no more descriptors: see ulimit -n";
  for (const std::error_code reason : {std::make_error_code(std::errc::too_many_files_open),
                                       std::error_code(EMFILE, std::system_category())}) {
    EXPECT_EQ(SocketError("accept", "at 0.0.0.0:80", reason).what(),
              "accept at 0.0.0.0:80: Too many open files (" + see + ")");
    EXPECT_EQ(SocketError("connect", "x:1", reason, "tried two").what(),
              "connect x:1: Too many open files (tried two; " + see + ")");
    EXPECT_EQ(SocketError("connect", "x:1", reason, "socket: " + see).what(),
              "connect x:1: Too many open files (socket: " + see + ")");
  }
  const std::error_code all(ENFILE, std::system_category());
  EXPECT_STREQ(
      SocketError("socket", "", all).what(),
      "socket: Too many open files in system (this machine may open no more files: see sysctl fs.file-max)");
}

TEST(Timeout, SaysAfterWhichTime) {
  EXPECT_STREQ(Timeout("recv", "x:1", 1500ms).what(), "recv x:1: timed out after 1.5 s");
  EXPECT_STREQ(Timeout("recv", "x:1", 20s).what(), "recv x:1: timed out after 20 s");
  EXPECT_STREQ(Timeout("recv", "x:1", 50ms).what(), "recv x:1: timed out after 0.05 s");
  EXPECT_STREQ(Timeout("recv", "x:1", 1ns).what(), "recv x:1: timed out after 0.001 s");
  EXPECT_EQ(Timeout("recv", "", 1s).code(), std::errc::timed_out);
}

}  // namespace
}  // namespace parley
