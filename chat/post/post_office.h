#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "chat/hall/post.h"
#include "chat/post/sessions.h"
#include "chat/post/transcript.h"
#include "parley/reactor/group.h"
#include "parley/reactor/reactor.h"

namespace chat {

// Who gets what: hands what the hall says to the connections of one reactor. An event is written once for
// all who get it. Used on the reactor's thread; to be destroyed before the reactor.
class PostOffice final : public Post {
 public:
  // `sessions` tells whose connection is which, and must outlive it. `transcript` gets what is published to
  // rooms, too; null: the conversation is not shown.
  PostOffice(parley::Reactor& reactor, const Sessions& sessions, Transcript* transcript)
      : reactor_(reactor), sessions_(sessions), transcript_(transcript) {}

  // From now on: null, or a transcript that outlives it.
  void set_transcript(Transcript* transcript) { transcript_ = transcript; }

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

  parley::TransportId transport_of(SessionId session) const { return sessions_.transport_of(session); }

  parley::Reactor& reactor_;
  const Sessions& sessions_;
  Transcript* transcript_;
  std::vector<std::unique_ptr<Room>> rooms_;  // by the index of their numbers
};

}  // namespace chat
