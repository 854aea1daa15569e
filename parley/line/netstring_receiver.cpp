#include "parley/line/netstring_receiver.h"

#include <array>
#include <charconv>

#include "parley/reactor/transport.h"

namespace parley {

void NetstringReceiver::malformed(std::string_view /*why*/) {}

void NetstringReceiver::send_string(std::string_view string) {
  std::array<char, 24> header;
  char* const end = std::to_chars(header.data(), header.data() + header.size() - 1, string.size()).ptr;
  *end = ':';
  const std::string_view length(header.data(), static_cast<std::size_t>(end + 1 - header.data()));
  transport().writelines(std::array{length, string, std::string_view(",")});
}

bool NetstringReceiver::handle_next(Input& input) {
  const std::string_view bytes = input.view();
  std::uint64_t length = 0;
  std::size_t at = 0;
  for (; at < bytes.size() && bytes[at] >= '0' && bytes[at] <= '9'; ++at) {
    if (at == 1 && length == 0) return fail("a length begins with a zero");
    length = length * 10 + static_cast<unsigned>(bytes[at] - '0');
    // As soon as the digits say so: the string is not waited for, and the number cannot overflow.
    if (length > max_length_) return fail("a string is longer than the limit");
  }
  if (at == bytes.size()) return false;
  if (at == 0 || bytes[at] != ':') return fail("a length is not a number with a colon behind it");
  const std::size_t whole = at + 1 + static_cast<std::size_t>(length) + 1;
  if (bytes.size() < whole) {
    input.wanted = whole;
    return false;
  }
  if (bytes[whole - 1] != ',') return fail("a string does not end with a comma");
  input.take(whole);
  string_received(bytes.substr(at + 1, static_cast<std::size_t>(length)));
  return true;
}

bool NetstringReceiver::fail(std::string_view why) {
  malformed(why);
  transport().lose_connection();
  return false;
}

}  // namespace parley
