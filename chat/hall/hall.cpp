#include "chat/hall/hall.h"

#include <cassert>
#include <utility>
#include <variant>
#include <vector>

namespace chat {

// An idle client is to fit in 256 bytes altogether; this is the rules' share.
static_assert(Hall::bytes_per_client() <= 56);

void Hall::apply(const Command& command, Post& post) {
  std::visit([&](const auto& what) { on(command.stamp, what, post); }, command.what);
}

void Hall::on(const Stamp& stamp, const Connect& connect, Post& post) {
  assert(connect.session);
  if (going_down_) {  // it was on its way when the server was told to end
    post.set_form(connect.session, Form::line);
    post.publish({&connect.session, 1}, Event{stamp, GoingDown{}});
    post.close(connect.session);
    return;
  }
  Session& session = sessions_.grow_to(connect.session.index);
  assert(!session.user && "the session's place is taken");

  const RoomId room = enter(connect.room);
  session.user = users_.add(User{Name(connect.name), room});
  session.generation = connect.session.generation;

  post.set_form(connect.session, Form::line);
  post.tell(connect.session, Reply{stamp, Welcome{}});
  post.subscribe(connect.session, room);
  post.publish(room, Event{stamp, Joined{session.user, connect.name}}, connect.session);
}

void Hall::on(const Stamp& stamp, const Say& say, Post& post) {
  const UserId id = user_of(say.session);
  const User* user = users_.find(id);
  if (user == nullptr) return;
  post.publish(user->room, Event{stamp, Said{id, user->name.view(), say.text}}, say.session);
}

void Hall::on(const Stamp& stamp, const Disconnect& disconnect, Post& post) {
  const UserId id = user_of(disconnect.session);
  const User* user = users_.find(id);
  if (user == nullptr) return;
  const RoomId room = user->room;

  post.unsubscribe(disconnect.session, room);
  post.publish(room, Event{stamp, Left{id, user->name.view()}}, SessionId{});

  sessions_[disconnect.session.index].user = UserId{};
  users_.remove(id);
  leave(room);
}

void Hall::on(const Stamp& stamp, const ShutDown&, Post& post) {
  if (std::exchange(going_down_, true)) return;
  std::vector<SessionId> all;
  all.reserve(users_.size());
  for (std::uint32_t i = 0; i < sessions_.end(); ++i) {
    if (sessions_[i].user) all.push_back({i, sessions_[i].generation});
  }
  post.publish(all, Event{stamp, GoingDown{}});
  for (const SessionId session : all) {
    const UserId id = std::exchange(sessions_[session.index].user, UserId{});
    const RoomId room = users_.find(id)->room;
    users_.remove(id);
    post.unsubscribe(session, room);
    leave(room);
    post.close(session);
  }
}

UserId Hall::user_of(SessionId session) const {
  if (session.index >= sessions_.end()) return {};
  const Session& there = sessions_[session.index];
  return there.generation == session.generation ? there.user : UserId{};
}

RoomId Hall::enter(std::string_view name) {
  auto found = rooms_by_name_.find(name);
  if (found == rooms_by_name_.end()) {
    found = rooms_by_name_.emplace(name, rooms_.add(Room{std::string(name), 0})).first;
  }
  ++rooms_.find(found->second)->users;
  return found->second;
}

void Hall::leave(RoomId id) {
  Room& room = *rooms_.find(id);
  if (--room.users > 0) return;
  rooms_by_name_.erase(room.name);
  rooms_.remove(id);
}

}  // namespace chat
