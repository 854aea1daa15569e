#pragma once

// Private to the pollers: what the three have in common.

#include <cstddef>
#include <memory>
#include <vector>

namespace parley {

class Poller;

std::unique_ptr<Poller> make_select_poller();
std::unique_ptr<Poller> make_poll_poller();
std::unique_ptr<Poller> make_epoll_poller();

bool is_open(int descriptor) noexcept;
// Throws a SocketError that names the descriptor when it is not open.
void require_open(int descriptor);
// Throws a SocketError about `descriptor` with the code `error`.
[[noreturn]] void fail_watching(int descriptor, int error, const char* advice = "");

// Makes room in a table indexed by descriptor. It grows by an eighth, not to the double: with many
// connections this is memory that each of them pays for.
template <class Entry>
void make_room(std::vector<Entry>& table, int descriptor, Entry empty) {
  const auto needed = static_cast<std::size_t>(descriptor) + 1;
  if (needed <= table.size()) return;
  if (needed > table.capacity()) table.reserve(needed + table.size() / 8 + 64);
  table.resize(needed, empty);
}

}  // namespace parley
