#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "chat/hall/post.h"
#include "chat/post/transcript.h"
#include "parley/reactor/group.h"
#include "parley/reactor/reactor.h"

namespace chat {

// Each session is one connection of the reactor, and has its number: so that nobody must look up which.
inline SessionId session_of(parley::TransportId id) {
  return {id.slot, id.generation};
}
inline parley::TransportId transport_of(SessionId id) {
  return {id.index, id.generation};
}

// Who gets what: hands what the hall says to the connections of one reactor. An event is written once for
// all who get it. Used on the reactor's thread; to be destroyed before the reactor.
class PostOffice final : public Post {
 public:
  // `transcript` gets what is published to rooms, too; null: the conversation is not shown.
  PostOffice(parley::Reactor& reactor, Transcript* transcript) : reactor_(reactor), transcript_(transcript) {}

  void set_form(SessionId session, Form form) override;
  void subscribe(SessionId session, RoomId room) override;
  void unsubscribe(SessionId session, RoomId room) override;
  void publish(RoomId room, const Event& event, SessionId except) override;
  void publish(std::span<const SessionId> sessions, const Event& event) override;
  void tell(SessionId session, const Reply& reply) override;
  void close(SessionId session) override;

 private:
  struct Room {
    explicit Room(parley::Reactor& reactor) : group(reactor) {}
    parley::Group group;
    std::size_t subscribers = 0;
  };

  // Null when nobody is subscribed to it.
  Room* find(RoomId room) const;

  parley::Reactor& reactor_;
  Transcript* transcript_;
  std::vector<std::unique_ptr<Room>> rooms_;  // by the index of their numbers
};

}  // namespace chat
