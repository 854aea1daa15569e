#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "parley/line/frame_receiver.h"

namespace parley {

// A protocol that is given strings, each with its length before it: a number of 1, 2 or 4 bytes, the most
// significant first. The length is checked before its string is kept. In the middle of a string it owns at
// most twice what has come of it.
class IntReceiver : public FrameReceiver {
 public:
  // One string; lent for the time of the call.
  virtual void string_received(std::string_view string) = 0;

  // A string of this length, which is over the limit, has been announced. The default loses the connection;
  // where it stays open, the string is dropped as it comes, and the next one follows.
  virtual void length_limit_exceeded(std::size_t length);

  // Sends the string with its length. Throws std::length_error, and sends nothing, when the length does
  // not fit its prefix. It may be over `max_length`, which is for what comes in.
  void send_string(std::string_view string);

 protected:
  IntReceiver(unsigned prefix_bytes, std::uint32_t max_length)
      : prefix_bytes_(static_cast<std::uint8_t>(prefix_bytes)), max_length_(max_length) {}

  bool handle_next(Input& input) override;

 private:
  std::uint8_t prefix_bytes_;
  std::uint32_t max_length_;
  std::uint32_t to_skip_ = 0;  // so many bytes more, of a string that was too long
};

// With a length of one byte: strings of up to 255 bytes.
class Int8Receiver : public IntReceiver {
 public:
  explicit Int8Receiver(std::uint32_t max_length = 99999) : IntReceiver(1, max_length) {}
};

// With a length of two bytes: strings of up to 65535 bytes.
class Int16Receiver : public IntReceiver {
 public:
  explicit Int16Receiver(std::uint32_t max_length = 99999) : IntReceiver(2, max_length) {}
};

// With a length of four bytes.
class Int32Receiver : public IntReceiver {
 public:
  explicit Int32Receiver(std::uint32_t max_length = 99999) : IntReceiver(4, max_length) {}
};

}  // namespace parley
