#include "parley/reactor/transport.h"

#include <algorithm>
#include <utility>

#include "parley/reactor/backend.h"

namespace parley {

void Transport::send_file(OpenFile file) {
  const std::uint64_t size = file ? file.size() : 0;
  send_file(std::move(file), 0, size);
}

void Transport::set_tcp_no_delay(bool on) {
  set_option(StreamOption::no_delay, on);
}
bool Transport::tcp_no_delay() const {
  return option(StreamOption::no_delay);
}
void Transport::set_tcp_keep_alive(bool on) {
  set_option(StreamOption::keep_alive, on);
}
bool Transport::tcp_keep_alive() const {
  return option(StreamOption::keep_alive);
}

InputBlock Transport::take_lent(std::span<const char> lent) {
  InputBlock block{std::make_unique_for_overwrite<char[]>(lent.size()), lent.size()};
  std::copy(lent.begin(), lent.end(), block.memory.get());
  return block;
}

void print(Writer& out, const Reason& reason) {
  switch (reason.kind()) {
    case Reason::Kind::done:
      return out.put("closed by the peer");
    case Reason::Kind::closed:
      return out.put("closed");
    case Reason::Kind::aborted:
      return out.put("aborted");
    case Reason::Kind::failed:
      return out.put(reason.error().message());
    case Reason::Kind::behind:
      return out.put("did not read what it was sent");
    case Reason::Kind::overload:
      return out.put("was furthest behind when too much was queued in all");
    case Reason::Kind::handler:
      return out.put("its handler failed");
    case Reason::Kind::detached:
      return out.put("left its reactor");
  }
}

}  // namespace parley
