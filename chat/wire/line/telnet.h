#pragma once

#include <cstdint>
#include <span>

#include "parley/base/print.h"

namespace chat {

// Takes telnet's commands out of what a client sends (RFC 854), before lines are cut: a negotiation may
// contain line ends. Options (RFC 855) are all refused: WILL is answered with DONT, DO with WONT, each
// request once; WONT and DONT agree with us and get no answer, so that two of these never talk for ever.
// It carries one byte from call to call, so input may be split anywhere, and it keeps none of it.
class TelnetFilter {
 public:
  // Moves the data bytes together, in place, and answers them; puts the refusals in `answers`: never more
  // bytes in all than have come in. IAC IAC is the data byte 255. Everything from IAC SB to IAC SE is
  // dropped, whatever it holds and however long it is. An IAC before a byte that is no command is dropped
  // alone: it must not swallow a line end.
  std::span<char> strip(std::span<char> lent, parley::Writer& answers);

 private:
  enum class State : std::uint8_t { data, command, will, wont, request, dont, inside, inside_command };

  // The byte after an IAC. Answers whether it is data.
  bool command(unsigned char byte);

  State state_ = State::data;
};

}  // namespace chat
