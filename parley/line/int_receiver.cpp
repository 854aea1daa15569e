#include "parley/line/int_receiver.h"

#include <algorithm>
#include <array>
#include <stdexcept>

#include "parley/reactor/transport.h"

namespace parley {

void IntReceiver::length_limit_exceeded(std::size_t /*length*/) {
  transport().lose_connection();
}

void IntReceiver::send_string(std::string_view string) {
  const std::uint64_t most = (std::uint64_t{1} << (8U * prefix_bytes_)) - 1;
  if (string.size() > most) {
    throw std::length_error(concat("send_string: ", string.size(), " bytes, and a length of ", prefix_bytes_,
                                   " bytes tells at most ", most));
  }
  std::array<char, 4> prefix;
  for (std::size_t i = 0; i < prefix_bytes_; ++i) {
    prefix[i] = static_cast<char>(string.size() >> (8U * (prefix_bytes_ - 1 - i)) & 0xffU);
  }
  // One call, so that filters and logs see one message.
  transport().writelines(std::array{std::string_view(prefix.data(), prefix_bytes_), string});
}

bool IntReceiver::handle_next(Input& input) {
  // What is left of a string that was too long, of a program that did not close.
  if (to_skip_ > 0) {
    const std::size_t some = std::min<std::size_t>(to_skip_, input.size());
    input.take(some);
    to_skip_ -= static_cast<std::uint32_t>(some);
    return some > 0;
  }
  const std::string_view bytes = input.view();
  if (bytes.size() < prefix_bytes_) {
    input.wanted = prefix_bytes_;
    return false;
  }
  std::uint32_t length = 0;
  for (const char byte : bytes.substr(0, prefix_bytes_)) {
    length = length << 8U | static_cast<unsigned char>(byte);
  }
  if (length > max_length_) {
    input.take(prefix_bytes_);
    to_skip_ = length;
    length_limit_exceeded(length);
    return true;
  }
  const std::size_t whole = std::size_t{prefix_bytes_} + length;
  if (bytes.size() < whole) {
    input.wanted = whole;
    return false;
  }
  input.take(whole);
  string_received(bytes.substr(prefix_bytes_, length));
  return true;
}

}  // namespace parley
