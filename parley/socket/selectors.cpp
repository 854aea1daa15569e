#include "parley/socket/selectors.h"

#include <stdexcept>

#include "parley/socket/blocking.h"
#include "parley/socket/error.h"
#include "parley/socket/fork_count.h"
#include "parley/socket/poller.h"
#include "parley/socket/poller_table.h"
#include "parley/socket/waiting.h"

namespace parley {

void print(Writer& out, Interest interest) {
  switch (interest) {
    case Interest::none:
      return out.put("none");
    case Interest::read:
      return out.put("read");
    case Interest::write:
      return out.put("write");
    case Interest::both:
      return out.put("read|write");
  }
}

namespace detail {

namespace {

constexpr unsigned serial_shift = 32;

std::uint64_t poller_key(int descriptor, std::uint32_t serial) {
  return std::uint64_t{serial} << serial_shift | static_cast<std::uint32_t>(descriptor);
}

void require_something(Selectable what, Interest events) {
  if (events != Interest::none) return;
  throw std::invalid_argument(concat("Selector: descriptor ", what.fileno(), " watched for nothing"));
}

}  // namespace

SelectorCore::SelectorCore(PollerKind kind) : kind_(kind), poller_(make_poller(kind)), forks_(fork_count()) {}
SelectorCore::~SelectorCore() = default;

void SelectorCore::require_open() const {
  if (!poller_) throw std::logic_error("the selector was closed");
}

Registration SelectorCore::watch(Selectable what, Interest events) {
  require_open();
  require_something(what, events);
  if (find(what.fileno()) != nullptr) {
    throw std::invalid_argument(
        concat("Selector: descriptor ", what.fileno(), " is watched already (use modify)"));
  }
  const Registration registration(what, events, ++last_serial_);
  own_poller().update(what.fileno(), events, poller_key(what.fileno(), registration.serial_));
  return registration;
}

void SelectorCore::rewatch(Registration& registration, Interest events) {
  require_something(registration.what_, events);
  own_poller().update(registration.fd(), events, poller_key(registration.fd(), registration.serial_));
  registration.events_ = events;
}

void SelectorCore::unwatch(const Registration& registration) {
  own_poller().remove(registration.fd());
}

void SelectorCore::end() {
  poller_.reset();
  told_.clear();
}

Interest SelectorCore::still_ready(const Told& told) const {
  const Registration* const registration = find(told.descriptor);
  if (registration == nullptr || registration->serial_ != told.serial) return Interest::none;
  return told.ready & registration->events_;
}

void SelectorCore::fail_unknown(Selectable what) {
  throw std::out_of_range(concat("Selector: descriptor ", what.fileno(), " is not watched",
                                 what.fileno() < 0 ? " (a closed socket has none: remove it before)" : ""));
}

const std::vector<SelectorCore::Told>& SelectorCore::wait(std::optional<Duration> timeout) {
  require_open();
  if (!timeout || *timeout > Duration::zero()) require_blocking_allowed("select");
  const Deadline deadline(timeout);
  for (;;) {
    const std::optional<Duration> left = deadline.left();
    take_in(left);
    if (!told_.empty() || left == Duration::zero()) return told_;
  }
}

void SelectorCore::take_in(std::optional<Duration> timeout) {
  told_.clear();
  bool strange = false;
  for (const Ready& one : own_poller().wait(timeout)) {
    const Told told{static_cast<int>(static_cast<std::uint32_t>(one.key)),
                    static_cast<std::uint32_t>(one.key >> serial_shift), one.ready};
    // What was closed, and is open under another number somewhere, is told by epoll alone.
    const bool closed = kind_ == PollerKind::epoll && !is_open(told.descriptor);
    if (still_ready(told) != Interest::none && !closed) {
      told_.push_back(told);
    } else {
      strange = true;
    }
  }
  if (strange) renew();
}

// The child of a fork shares what epoll keeps in the kernel with its parent: it makes its own.
Poller& SelectorCore::own_poller() {
  if (forks_ != fork_count()) renew();
  return *poller_;
}

// A descriptor that was closed before it was removed, while a child process has it open still, is one that
// epoll tells of for ever and cannot be talked out of: a new one does not know it.
void SelectorCore::renew() {
  poller_ = make_poller(kind_);
  forks_ = fork_count();
  for (const Registration* one : all()) {
    try {
      poller_->update(one->fd(), one->events_, poller_key(one->fd(), one->serial_));
    } catch (const SocketError&) {
      continue;  // it was closed and not removed: it is told no more
    }
  }
}

}  // namespace detail

}  // namespace parley
