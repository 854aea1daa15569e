#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <system_error>

#include "parley/socket/error.h"

namespace parley {

// What may be wrong with what a peer has sent, as codes of the errors below.
enum class StreamErrc { incomplete_read = 1, limit_exceeded };

// The category of those codes.
const std::error_category& stream_category();
std::error_code make_error_code(StreamErrc code);

// The input ended in the middle of what was to be read: asyncio's IncompleteReadError.
class IncompleteRead : public SocketError {
 public:
  // `wanted` says what was awaited, `partial` is what has come of it.
  IncompleteRead(std::string_view operation, std::string_view where, std::string_view wanted,
                 std::string partial);

  // What has come; it is not in the stream any more.
  const std::string& partial() const { return partial_; }

 private:
  std::string partial_;
};

// What was to be read is longer than the limit: asyncio's LimitOverrunError. It stays in the stream.
class LimitExceeded : public SocketError {
 public:
  LimitExceeded(std::string_view operation, std::string_view where, std::size_t limit);

  std::size_t limit() const { return limit_; }

 private:
  std::size_t limit_;
};

}  // namespace parley

template <>
struct std::is_error_code_enum<parley::StreamErrc> : std::true_type {};
