#pragma once

#include <cstddef>

#include "chat/hall/event.h"
#include "parley/base/print.h"

namespace chat {

// One message of the line chat, its line end included, as every client in a terminal gets it; the
// conversation on stdout is the same. They print, so a tape takes them without a string in between.
struct LineEvent {
  const Event& event;
};
void print(parley::Writer& out, const LineEvent& line);

struct LineReply {
  const Reply& reply;
};
void print(parley::Writer& out, const LineReply& line);

// To a sender whose line had more than `limit` bytes.
struct LineTooLong {
  std::size_t limit;
};
void print(parley::Writer& out, const LineTooLong& line);

// To somebody who is disconnected for it.
struct SilentTooLong {};
void print(parley::Writer& out, const SilentTooLong& line);

}  // namespace chat
