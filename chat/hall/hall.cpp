#include "chat/hall/hall.h"

#include <cassert>
#include <utility>
#include <variant>
#include <vector>

namespace chat {

// An idle client is to fit in 256 bytes altogether; this is the rules' share.
static_assert(Hall::bytes_per_client() <= 40);

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
  assert(session.user == nobody && "the session's place is taken");

  const std::uint32_t room = enter(connect.room);
  const UserId user = users_.add(User{Name(connect.name), room});
  session = {user.index, connect.session.generation};

  post.set_form(connect.session, Form::line);
  post.tell(connect.session, Reply{stamp, Welcome{}});
  post.subscribe(connect.session, rooms_.id_of(room));
  post.publish(rooms_.id_of(room), Event{stamp, Joined{user, connect.name}}, connect.session);
}

void Hall::on(const Stamp& stamp, const Say& say, Post& post) {
  const std::uint32_t index = user_of(say.session);
  if (index == nobody) return;
  const User& user = users_.at(index);
  const Said said{users_.id_of(index), user.name.view(), say.text};
  post.publish(rooms_.id_of(user.room), Event{stamp, said}, say.session);
}

void Hall::on(const Stamp& stamp, const Disconnect& disconnect, Post& post) {
  const std::uint32_t index = user_of(disconnect.session);
  if (index == nobody) return;
  const User& user = users_.at(index);
  const std::uint32_t room = user.room;

  post.unsubscribe(disconnect.session, rooms_.id_of(room));
  post.publish(rooms_.id_of(room), Event{stamp, Left{users_.id_of(index), user.name.view()}}, SessionId{});

  sessions_[disconnect.session.index].user = nobody;
  users_.remove(index);
  leave(room);
}

void Hall::on(const Stamp& stamp, const ShutDown&, Post& post) {
  if (std::exchange(going_down_, true)) return;
  std::vector<SessionId> all;
  all.reserve(users_.size());
  for (std::uint32_t i = 0; i < sessions_.end(); ++i) {
    if (sessions_[i].user != nobody) all.push_back({i, sessions_[i].generation});
  }
  post.publish(all, Event{stamp, GoingDown{}});
  for (const SessionId session : all) {
    const std::uint32_t user = std::exchange(sessions_[session.index].user, nobody);
    const std::uint32_t room = users_.at(user).room;
    users_.remove(user);
    post.unsubscribe(session, rooms_.id_of(room));
    leave(room);
    post.close(session);
  }
}

std::uint32_t Hall::user_of(SessionId session) const {
  if (session.index >= sessions_.end()) return nobody;
  const Session& there = sessions_[session.index];
  return there.generation == session.generation ? there.user : nobody;
}

std::uint32_t Hall::enter(std::string_view name) {
  auto found = rooms_by_name_.find(name);
  if (found == rooms_by_name_.end()) {
    found = rooms_by_name_.emplace(name, rooms_.add(Room{std::string(name), 0}).index).first;
  }
  ++rooms_.at(found->second).users;
  return found->second;
}

void Hall::leave(std::uint32_t index) {
  Room& room = rooms_.at(index);
  if (--room.users > 0) return;
  rooms_by_name_.erase(room.name);
  rooms_.remove(index);
}

}  // namespace chat
