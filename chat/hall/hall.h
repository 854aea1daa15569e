#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "chat/hall/command.h"
#include "chat/hall/event.h"
#include "chat/hall/ids.h"
#include "chat/hall/name.h"
#include "chat/hall/post.h"
#include "chat/hall/table.h"

namespace chat {

// The rules of the chat: who is there, and what follows from what they do. It reads nothing but its own
// state and the command, so the same commands have the same consequences, anywhere and at any time.
// Thread: one at a time, any.
class Hall {
 public:
  // Decides what the command means, and has it done. A command of a session that is not there (any
  // more) means nothing. May throw std::bad_alloc.
  void apply(const Command& command, Post& post);

  std::size_t users() const { return users_.size(); }
  std::size_t rooms() const { return rooms_.size(); }

  // What a client costs here while it is idle, in bytes, a name of more than 23 bytes not counted.
  static constexpr std::size_t bytes_per_client();

 private:
  static constexpr std::uint32_t nobody = 0xffffffff;

  struct User {
    Name name;
    std::uint32_t room = 0;  // index
  };
  struct Session {
    std::uint32_t user = nobody;  // index
    std::uint32_t generation = 0;
  };
  struct Room {
    std::string name;
    std::size_t users = 0;
  };

  void on(const Stamp& stamp, const Connect& connect, Post& post);
  void on(const Stamp& stamp, const Say& say, Post& post);
  void on(const Stamp& stamp, const Disconnect& disconnect, Post& post);
  void on(const Stamp& stamp, const ShutDown& shut_down, Post& post);

  // The index of the session's user, or nobody.
  std::uint32_t user_of(SessionId session) const;
  // Answer and take a room's index.
  std::uint32_t enter(std::string_view room);
  void leave(std::uint32_t room);

  Table<UserId, User> users_;
  Rows<Session> sessions_;
  Table<RoomId, Room> rooms_;
  std::map<std::string, std::uint32_t, std::less<>> rooms_by_name_;
  bool going_down_ = false;
};

constexpr std::size_t Hall::bytes_per_client() {
  return Table<UserId, User>::row_size() + sizeof(Session);
}

}  // namespace chat
