#pragma once

#include <cstdint>
#include <span>

#include "parley/base/print.h"

namespace chat {

// Takes telnet's commands out of what a client sends (RFC 854), before lines are cut: a negotiation may
// contain line ends. Options (RFC 855) are all refused: WILL is answered with DONT, DO with WONT, each
// request once; WONT and DONT agree with us and get no answer, so that two of these never talk for ever.
// AYT is answered too. It carries one byte from call to call, so input may be split anywhere, and it keeps
// none of it.
//
// A Synch's data mark (DM) must come in line with the rest (ListenOptions::out_of_band_inline), or its IAC is
// left alone. What stands before it is read as usual: a line is not to be lost.
class TelnetFilter {
 public:
  // Moves the data bytes together, in place, and answers them; puts what is to be sent in `answers`: less
  // than four times as many bytes as have come in. IAC IAC is the data byte 255. Everything from IAC SB to
  // IAC SE is dropped, whatever it holds and however long it is. An IAC before a byte that is no command is
  // dropped alone: it must not swallow a line end.
  //
  // CR NUL, which ends a line as CR LF does (RFC 1123, section 3.3.1), becomes CR LF. EC, which erases a
  // character, and EL, which erases the line, become the bytes that `clean` does that for.
  std::span<char> strip(std::span<char> lent, parley::Writer& answers);

 private:
  enum class State : std::uint8_t { data, command, will, wont, request, dont, inside, inside_command };

  // The byte after an IAC, which is replaced by what it stands for. Answers whether it is data.
  bool command(char& byte, parley::Writer& answers);
  // Data bytes, where they stand in the end.
  void end_lines(std::span<char> data);

  State state_ : 7 = State::data;
  bool returned_ : 1 = false;  // the last data byte was a CR
};

}  // namespace chat
