#pragma once

#include <cstdint>
#include <span>

#include "chat/hall/event.h"
#include "chat/hall/ids.h"

namespace chat {

// How a client wants its events written.
enum class Form : std::uint8_t { line };

// What the hall can have done. These calls, in their order, are all that leaves the hall: whoever keeps
// them knows who is where, and each client sees what concerns it in this order.
// None of them may call the hall: what follows from them arrives as further commands.
class Post {
 public:
  virtual ~Post() = default;

  // The form of everything that this session gets from now on. Comes first for each session.
  virtual void set_form(SessionId session, Form form) = 0;

  // From now on, until `unsubscribe` or the session's end, the session gets what is published to the room.
  virtual void subscribe(SessionId session, RoomId room) = 0;
  virtual void unsubscribe(SessionId session, RoomId room) = 0;

  // To every session that is subscribed to the room, but `except` (which may be nobody).
  virtual void publish(RoomId room, const Event& event, SessionId except) = 0;
  // To each of these sessions.
  virtual void publish(std::span<const SessionId> sessions, const Event& event) = 0;

  // To one session alone.
  virtual void tell(SessionId session, const Reply& reply) = 0;

  // Ends the session after what it was sent so far. The hall has forgotten it already.
  virtual void close(SessionId session) = 0;
};

}  // namespace chat
