#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "parley/line/frame_receiver.h"

namespace parley {

// A protocol that is given netstrings (D. J. Bernstein's `12:hello world!,`). The length is checked as soon
// as it can be read, before its string is kept. In the middle of a string it owns at most twice what has
// come of it.
class NetstringReceiver : public FrameReceiver {
 public:
  // `max_length`: of the longest string, in bytes.
  explicit NetstringReceiver(std::uint32_t max_length = 99999) : max_length_(max_length) {}

  // One string; lent for the time of the call.
  virtual void string_received(std::string_view string) = 0;

  // What came is no netstring, or a longer one than `max_length`: `why` says so. Nothing can be read
  // behind it, so the connection is lost when this returns. For last words, or a log.
  virtual void malformed(std::string_view why);

  // Sends the string as a netstring. It may be longer than `max_length`, which is for what comes in.
  void send_string(std::string_view string);

 protected:
  bool handle_next(Input& input) override;

 private:
  bool fail(std::string_view why);

  std::uint32_t max_length_;
};

}  // namespace parley
