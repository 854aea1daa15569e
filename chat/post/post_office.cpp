#include "chat/post/post_office.h"

#include <cassert>

#include "chat/wire/line/encode.h"
#include "parley/base/print.h"

namespace chat {

void PostOffice::set_form(SessionId /*session*/, Form form) {
  assert(form == Form::line && "the only one there is");
  (void)form;
}

void PostOffice::subscribe(SessionId session, RoomId room) {
  if (room.index >= rooms_.size()) rooms_.resize(room.index + std::size_t{1});
  std::unique_ptr<Room>& there = rooms_[room.index];
  if (there == nullptr) there = std::make_unique<Room>(reactor_);
  there->group.add(transport_of(session));
  ++there->subscribers;
}

void PostOffice::unsubscribe(SessionId session, RoomId room) {
  Room* const there = find(room);
  assert(there != nullptr);
  // Counted here, for the group's own number would have to be counted each time.
  if (--there->subscribers == 0) {
    rooms_[room.index].reset();
  } else {
    there->group.remove(transport_of(session));
  }
}

void PostOffice::publish(RoomId room, const Event& event, SessionId except) {
  if (Room* const there = find(room)) {
    there->group.broadcast(parley::omit(transport_of(except)), LineEvent{event});
  }
  if (transcript_ != nullptr) transcript_->put(event);
}

void PostOffice::publish(std::span<const SessionId> sessions, const Event& event) {
  // These may be of any room. A group of theirs, for this one time, has the event printed once for all of
  // them.
  parley::Group group(reactor_);
  for (const SessionId session : sessions) group.add(transport_of(session));
  group.broadcast(LineEvent{event});
}

void PostOffice::tell(SessionId session, const Reply& reply) {
  parley::Transport* const transport = reactor_.find(transport_of(session));
  if (transport == nullptr) return;  // it was lost, and the hall has not been told yet
  parley::TextWriter text;
  print(text, LineReply{reply});
  transport->write(text.text());
}

void PostOffice::close(SessionId session) {
  if (parley::Transport* const transport = reactor_.find(transport_of(session))) transport->lose_connection();
}

PostOffice::Room* PostOffice::find(RoomId room) const {
  return room.index < rooms_.size() ? rooms_[room.index].get() : nullptr;
}

}  // namespace chat
