#pragma once

#include <cstdint>
#include <span>

namespace chat {

// Runs what a line client may send through telnet's filter, at once and in pieces, and through `clean`,
// and compares with the standards told once more, as plainly as possible. Says on stderr what differs, and
// aborts.
void check_line_input(std::span<const std::uint8_t> input);

}  // namespace chat
