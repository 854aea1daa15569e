#pragma once

#include <string_view>
#include <variant>

#include "chat/hall/command.h"
#include "chat/hall/ids.h"

namespace chat {

// Somebody has entered a room.
struct Joined {
  UserId user;
  std::string_view name;
};

// Somebody has said something in a room.
struct Said {
  UserId user;
  std::string_view name;
  std::string_view text;
};

// Somebody has left a room.
struct Left {
  UserId user;
  std::string_view name;
};

// The server is shutting down.
struct GoingDown {};

// Something that has happened, for everybody whom it concerns; with the stamp of the command that made
// it happen. Texts are lent: whoever needs them past the call copies them.
struct Event {
  Stamp stamp;
  std::variant<Joined, Said, Left, GoingDown> what;
};

// To one session: you are in.
struct Welcome {};

// What one session alone is told.
struct Reply {
  Stamp stamp;
  std::variant<Welcome> what;
};

}  // namespace chat
