#include "chat/wire/line/telnet.h"

#include <cstddef>
#include <cstring>

#include "chat/wire/line/clean.h"

namespace chat {
namespace {

// RFC 854, "Telnet command structure". What stands between the first and SB is one byte long, SE among it.
constexpr unsigned char first_command = 236;  // EOF; and 237 to 239: RFC 1184, RFC 885
constexpr unsigned char se = 240;
constexpr unsigned char are_you_there = 246;    // AYT
constexpr unsigned char erase_character = 247;  // EC
constexpr unsigned char erase_line = 248;       // EL
constexpr unsigned char sb = 250;
constexpr unsigned char will = 251;
constexpr unsigned char wont = 252;
constexpr unsigned char request = 253;  // DO
constexpr unsigned char dont = 254;
constexpr unsigned char iac = 255;

void refuse(parley::Writer& answers, unsigned char refusal, char option) {
  answers.put(static_cast<char>(iac));
  answers.put(static_cast<char>(refusal));
  answers.put(option);
}

}  // namespace

std::span<char> TelnetFilter::strip(std::span<char> lent, parley::Writer& answers) {
  char* out = lent.data();
  const char* in = lent.data();
  const char* const end = in + lent.size();
  while (in != end) {
    if (state_ == State::data) {
      const auto left = static_cast<std::size_t>(end - in);
      const void* found = std::memchr(in, iac, left);
      const std::size_t plain =
          found == nullptr ? left : static_cast<std::size_t>(static_cast<const char*>(found) - in);
      if (out != in) std::memmove(out, in, plain);
      end_lines({out, plain});
      out += plain;
      in += plain;
      if (in == end) break;
      state_ = State::command;
      ++in;
      continue;
    }

    char byte = *in++;
    const auto value = static_cast<unsigned char>(byte);
    switch (state_) {
      case State::data:
        break;
      case State::command:
        if (command(byte, answers)) {
          *out = byte;
          end_lines({out++, 1});
        }
        break;
      case State::will:
        refuse(answers, dont, byte);
        state_ = State::data;
        break;
      case State::request:
        refuse(answers, wont, byte);
        state_ = State::data;
        break;
      case State::wont:
      case State::dont:
        state_ = State::data;
        break;
      case State::inside:
        if (value == iac) state_ = State::inside_command;
        break;
      case State::inside_command:
        state_ = value == se ? State::data : State::inside;
        break;
    }
  }
  return lent.first(static_cast<std::size_t>(out - lent.data()));
}

bool TelnetFilter::command(char& byte, parley::Writer& answers) {
  const auto value = static_cast<unsigned char>(byte);
  state_ = State::data;
  switch (value) {
    case sb:
      state_ = State::inside;
      return false;
    case will:
      state_ = State::will;
      return false;
    case wont:
      state_ = State::wont;
      return false;
    case request:
      state_ = State::request;
      return false;
    case dont:
      state_ = State::dont;
      return false;
    case are_you_there:
      answers.put("[Yes]\r\n");
      return false;
    case erase_character:
      byte = erases_character;
      return true;
    case erase_line:
      byte = erases_line;
      return true;
    default:
      return value == iac || value < first_command;
  }
}

void TelnetFilter::end_lines(std::span<char> data) {
  if (data.empty()) return;
  char* const end = data.data() + data.size();
  for (char* at = data.data(); at != end; ++at) {
    at = static_cast<char*>(std::memchr(at, '\0', static_cast<std::size_t>(end - at)));
    if (at == nullptr) break;
    if (at == data.data() ? returned_ : at[-1] == '\r') *at = '\n';
  }
  returned_ = data.back() == '\r';
}

}  // namespace chat
