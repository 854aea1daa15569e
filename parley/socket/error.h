#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <system_error>

#include "parley/base/clock.h"

namespace parley {

// What went wrong with a socket. `what()` says operation, endpoint, reason and, where there is
// something, what to do: `bind 0.0.0.0:80: Permission denied (ports below 1024 need a privilege)`.
// `code()` compares with std::errc.
class SocketError : public std::system_error {
 public:
  // `where` and `advice` may be empty.
  SocketError(std::string_view operation, std::string_view where, std::error_code reason,
              std::string_view advice = {});

  const char* what() const noexcept override { return message_->c_str(); }

 protected:
  // With a message of one's own in place of the reason's.
  struct Worded {
    std::string message;
  };
  SocketError(std::error_code reason, Worded message);

 private:
  std::shared_ptr<const std::string> message_;  // shared: copying an exception must not throw
};

// A deadline has passed: `recv 127.0.0.1:80: timed out after 1.5 s`. Its code is std::errc::timed_out.
class Timeout : public SocketError {
 public:
  Timeout(std::string_view operation, std::string_view where, Duration after, std::string_view advice = {});
};

// A non-blocking socket would have had to wait; for `connect`: it is under way.
class WouldBlock : public SocketError {
 public:
  using SocketError::SocketError;
};

// A host's name that has no address. Its code is of `resolve_category()`.
class ResolveError : public SocketError {
 public:
  using SocketError::SocketError;
};

// The codes of getaddrinfo (EAI_NONAME and so on).
const std::error_category& resolve_category();

namespace detail {

// What to do about an error whatever was being done, as who has no descriptor left; or nothing. A SocketError
// says it by itself.
std::string_view remedy(std::error_code reason) noexcept;
// `text (REMEDY)`, or the text alone: for errors of other types.
std::string with_remedy(std::string_view text, std::error_code reason);

}  // namespace detail

}  // namespace parley
