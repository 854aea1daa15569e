#include "parley/socket/polling.h"

#include <array>
#include <stdexcept>
#include <string_view>

#include "parley/socket/blocking.h"
#include "parley/socket/poll_table.h"
#include "parley/socket/waiting.h"

namespace parley {

namespace {

struct Name {
  PollEvent event;
  short bit;
  std::string_view text;
};

// POLLRDHUP: <poll.h> shows it to those alone who ask for everything that is GNU's.
constexpr short bit_end_of_input = 0x2000;
#ifdef POLLRDHUP
static_assert(bit_end_of_input == POLLRDHUP);
#endif

constexpr std::array<Name, 7> names{{
    {PollEvent::read, POLLIN, "read"},
    {PollEvent::urgent, POLLPRI, "urgent"},
    {PollEvent::write, POLLOUT, "write"},
    {PollEvent::end_of_input, bit_end_of_input, "end_of_input"},
    {PollEvent::error, POLLERR, "error"},
    {PollEvent::hang_up, POLLHUP, "hang_up"},
    {PollEvent::not_open, POLLNVAL, "not_open"},
}};

short bits_of(PollEvent events) {
  int bits = 0;
  for (const Name& name : names) {
    if (has(events, name.event)) bits |= name.bit;
  }
  return static_cast<short>(bits);
}

PollEvent events_of(short bits) {
  PollEvent events = PollEvent::none;
  for (const Name& name : names) {
    if ((bits & name.bit) != 0) events = events | name.event;
  }
  return events;
}

void require_watched(const PollTable& table, Selectable what, std::string_view operation) {
  if (table.contains(what.fileno())) return;
  throw std::out_of_range(concat(operation, ": descriptor ", what.fileno(), " is not watched",
                                 what.fileno() < 0 ? " (a closed socket has none: remove it before)" : ""));
}

}  // namespace

void print(Writer& out, PollEvent events) {
  if (events == PollEvent::none) out.put("none");
  bool first = true;
  for (const Name& name : names) {
    if (!has(events, name.event)) continue;
    if (!first) out.put('|');
    out.put(name.text);
    first = false;
  }
}

Poll::Poll() : table_(std::make_unique<PollTable>()) {}
Poll::~Poll() = default;
Poll::Poll(Poll&& other) noexcept = default;
Poll& Poll::operator=(Poll&& other) noexcept = default;

void Poll::add(Selectable what, PollEvent wanted) {
  if (table_->contains(what.fileno())) {
    throw std::invalid_argument(
        concat("Poll::add: descriptor ", what.fileno(), " is watched already (use modify)"));
  }
  table_->set(what.fileno(), bits_of(wanted), 0);
}

void Poll::modify(Selectable what, PollEvent wanted) {
  require_watched(*table_, what, "Poll::modify");
  table_->set(what.fileno(), bits_of(wanted), 0);
}

void Poll::remove(Selectable what) {
  require_watched(*table_, what, "Poll::remove");
  table_->remove(what.fileno());
}

std::vector<Polled> Poll::poll(std::optional<Duration> timeout) {
  if (timeout && *timeout < Duration::zero()) throw std::invalid_argument("poll: a negative timeout");
  if (timeout != Duration::zero()) require_blocking_allowed("poll");
  const Deadline deadline(timeout);
  std::vector<Polled> ready;
  for (;;) {
    const std::optional<Duration> left = deadline.left();
    table_->tell(table_->wait(left), [&](const pollfd& told, std::uint64_t) {
      ready.push_back({told.fd, events_of(told.revents)});
      return true;
    });
    if (!ready.empty() || left == Duration::zero()) return ready;
  }
}

}  // namespace parley
