// Who goes when those that lag hold more memory than they may, or when there is none.

#include <algorithm>
#include <new>
#include <utility>

#include "parley/reactor/loop/connections.h"

namespace parley {

namespace {
// How many are looked for at once: looking goes through all connections.
constexpr std::size_t looked_for = 256;
// What those hold who were given up, and whose writes the kernel still has, is on its way back; but no more
// than this part of all is relied upon.
constexpr std::size_t leaving_part = 16;
// Enough to tell some connections of their end.
constexpr std::size_t reserve_bytes = 64 * 1024;
constexpr Duration trim_interval = std::chrono::seconds(1);
}  // namespace

void Connections::prepare_relief() {
  furthest_.reserve(looked_for);
  refill_reserve();
}

void Connections::refill_reserve() {
  reserve_.reset(new (std::nothrow) char[reserve_bytes]);
}

bool Connections::has_room(std::size_t bytes) {
  BacklogStore& backlog = flusher_.backlog();
  const std::size_t leaving = std::min({leaving_held_, backlog.limit() / leaving_part, backlog.held()});
  return backlog.has_room(bytes) || backlog.held() - leaving + bytes <= backlog.limit();
}

// The one that holds most, as it was when they were looked through.
Connection* Connections::furthest() {
  looked_ = true;
  const auto more = [](const Behind& a, const Behind& b) { return a.held > b.held; };
  const auto first = [&]() -> Connection* {
    while (!furthest_.empty()) {
      const Behind& last = furthest_.back();
      Connection* const connection = table_.find(last.id);
      if (connection != nullptr && !connection->given_up() && connection->held() >= last.held / 2 &&
          !flusher_.in_filters_of(*connection)) {  // whose filters are just looking at what it holds
        return connection;
      }
      furthest_.pop_back();
    }
    return nullptr;
  };
  if (Connection* const found = first()) return found;
  leaving_held_ = 0;
  table_.each([&](Connection& connection) {
    const std::size_t held = connection.held();
    if (held == 0) return;
    if (connection.given_up()) {
      leaving_held_ += held;
      return;
    }
    if (furthest_.size() == looked_for) {
      if (held <= furthest_.front().held) return;
      std::pop_heap(furthest_.begin(), furthest_.end(), more);
      furthest_.pop_back();
    }
    furthest_.push_back({held, connection.id()});
    std::push_heap(furthest_.begin(), furthest_.end(), more);
  });
  std::sort(furthest_.begin(), furthest_.end(), [&](const Behind& a, const Behind& b) { return more(b, a); });
  return first();
}

bool Connections::make_room(Connection& connection, std::size_t bytes) {
  const std::size_t wanted = connection.held() + bytes;
  while (true) {
    Connection* const victim = furthest();
    if (has_room(bytes)) return true;  // looking has told what is on its way back
    if (victim == nullptr || victim == &connection || victim->held() <= wanted) break;
    starved(*victim);
  }
  starved(connection);
  return false;
}

// After a flush: memory is counted in units, and what was kept may have needed a little more.
void Connections::relieve() {
  Connection* victim = nullptr;
  while (!has_room(0) && (victim = furthest()) != nullptr) {
    if (!has_room(0)) starved(*victim);
  }
  furthest_.clear();
  looked_ = false;
  if (reserve_ == nullptr) refill_reserve();
}

// What malloc keeps is given back once a second at most: it looks through all memory for that, whoever's.
void Connections::freed() {
  if (flusher_.backlog().wants_trim()) agenda_.wait_for_time();
}

Time Connections::next_trim() const {
  return later(trimmed_, trim_interval);
}

bool Connections::find_memory() {
  return find_memory_for(nullptr);
}

bool Connections::find_memory_for(Connection* connection) {
  const bool had_reserve = std::exchange(reserve_, nullptr) != nullptr;
  Connection* const victim = furthest();
  if (victim != nullptr && victim != connection) {
    starved(*victim);
    return true;
  }
  if (had_reserve) return true;
  if (connection != nullptr) starved(*connection);
  return false;
}

void Connections::starved(Connection& connection) {
  flow_.cut_off(connection, "holds too much of the memory for all that lags", connection.held());
  abort(connection, Reason(Reason::Kind::overload), true);
}

// What does not extend its last slice needs memory of its own.
void Connections::deliver_apart(Connection& connection, std::string_view on_group_tape) {
  while (true) {
    try {
      connection.outbox.append(on_group_tape);
      return flusher_.mark(connection);
    } catch (const std::bad_alloc&) {  // of the outbox, which is as it was
      if (!find_memory_for(&connection)) return;
    }
  }
}

}  // namespace parley
