#pragma once

#include <cstdint>
#include <string_view>
#include <variant>

#include "chat/hall/ids.h"

namespace chat {

// What the front desk adds to a command, so that the hall needs neither clock nor chance: the
// command's number, and when it came.
struct Stamp {
  std::uint64_t id = 0;
  std::int64_t time = 0;  // microseconds since 1970, UTC

  friend bool operator==(const Stamp&, const Stamp&) = default;
};

// A session begins, of a user of that name who enters that room. The name need not be unique.
struct Connect {
  SessionId session;
  std::string_view name;  // as others see it: "127.0.0.1:40000"
  std::string_view room;
};

// A session says one line to its room: clean UTF-8 without controls (chat/wire/line/clean.h).
struct Say {
  SessionId session;
  std::string_view text;
};

// A session has ended, whoever ended it.
struct Disconnect {
  SessionId session;
};

// The server ends: everybody is told, every session closed. What comes after is ignored.
struct ShutDown {};

// One thing for the hall to decide on. Texts are lent: valid while the command is applied.
struct Command {
  Stamp stamp;
  std::variant<Connect, Say, Disconnect, ShutDown> what;
};

}  // namespace chat
