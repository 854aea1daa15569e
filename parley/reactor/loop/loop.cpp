#include "parley/reactor/loop/loop.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "parley/base/print.h"
#include "parley/process/own_process.h"

namespace parley {

namespace {

constexpr Time passed{};  // a deadline that does not wait

Connection& connection_of(StreamSlot& slot) {
  return static_cast<Connection&>(slot);
}

}  // namespace

Loop::Loop(const MakeBackend& make, ReactorSettings settings)
    : settings_(std::move(settings)),
      clock_(*settings_.clock),
      calls_(*settings_.log),
      connections_(settings_.limits, clock_, agenda_, calls_),
      listeners_(settings_.limits, clock_, agenda_, calls_, timers_, connections_),
      watches_(agenda_, calls_, connections_),
      datagrams_(settings_.limits, clock_, agenda_, calls_, timers_, connections_),
      shutdown_(*this),
      forks_(fork_count()) {
  backend_ = make({.up = *this, .limits = settings_.limits, .clock = *settings_.clock});
  connections_.use(*backend_);
  listeners_.use(*backend_);
  watches_.use(*backend_);
  datagrams_.use(*backend_);
}

// Nobody is called. Protocols go when nothing moves any more, then what the program's calls hold: as it goes
// it may end anything, and ask for calls, and finds all that there is.
Loop::~Loop() {
  listeners_.close_all();
  watches_.close_all();
  connections_.close_all();
  datagrams_.close();
  backend_.reset();
  datagrams_.clear();
  connections_.drop_protocols();
  do {
    listeners_.let_go();
    watches_.let_go();
    calls_.on_error({});
    shutdown_.drop();
    timers_.drop();
    const auto posted = mailbox_.take();
  } while (!mailbox_.empty() || !timers_.empty());
}

void Loop::require_runnable(std::string_view operation) const {
  if (!on_own_thread()) {
    throw std::logic_error(concat(operation, ": a reactor runs on the thread that made it"));
  }
  require_blocking_allowed(operation);
}

void Loop::run() {
  while (turn(Duration::max())) {
  }
}

bool Loop::turn(Duration patience) {
  require_blocking_allowed("Reactor::turn");
  if (forks_ != fork_count()) renew();
  clock_.set_stale();
  connections_.flow().begin_turn();
  // Where somebody was called, whoever turns the loop may have what it has waited for: it is asked before a
  // wait.
  const bool called_put_off = begin();
  const bool called = finish() || called_put_off;
  if (shutdown_.begun() && shutdown_.over(now())) {
    connections_.open_again();
    finish();
    return false;
  }
  const std::optional<Time> until = called || agenda_.due() ? passed : deadline(patience);
  backend_->turn(until);
  clock_.set_stale();
  finish();
  return true;
}

// In the child of a fork: what the kernel keeps for the loop would be shared with the parent, and is made
// anew; then those parts that have something of the parent's let go of it. What was posted is looked at in
// any case: it may have been the parent that was woken for it.
void Loop::renew() {
  backend_->renew();
  connections_.each_open([this](StreamSlot& slot) { backend_->register_anew(slot); });
  listeners_.each([this](ListenerSlot& slot) { backend_->register_anew(slot); });
  watches_.each([this](WatchSlot& slot) { backend_->register_anew(slot); });
  datagrams_.register_anew();
  agenda_.put_off(Agenda::Due::posted);
  forks_ = fork_count();
  for (const EntryId id : renewals_.ids()) {
    if (const MoveOnlyFunction<void()>* const renewal = renewals_.find(id)) (*renewal)();
  }
}

// What was put off to this turn. All lists are taken before any of them is worked off: what is added
// meanwhile belongs to the next turn, which then does not wait.
bool Loop::work_off() {
  const Bits<Agenda::Due> due = agenda_.take_due();
  const std::uint64_t timers_before = timers_.added();
  bool called = !due.none();
  std::vector<MoveOnlyFunction<void()>> posted;
  if (connections_.waits_for_times()) connections_.expire();
  if (called) {
    const auto resumed = connections_.take_resumed();
    const auto hungry = connections_.take_hungry();
    const auto datagrams = datagrams_.take_due();
    if (due.any(Agenda::Due::posted)) posted = mailbox_.take();
    if (due.any(Agenda::Due::flush)) connections_.flush_put_off();
    settle_callbacks();  // what was adopted between two turns is made before it is told anything else
    connections_.resume_reading(resumed);
    connections_.ask_producers(hungry);
    datagrams_.work_off(datagrams);
  }
  if (!timers_.empty()) {
    while (const MoveOnlyFunction<void()> timer = timers_.take_due(now(), timers_before)) {
      call(timer);
      called = true;
    }
  }
  for (const MoveOnlyFunction<void()>& one : posted) call(one);
  return called;
}

// What follows from what was called, until nothing does.
bool Loop::settle_and_flush() {
  bool called = false;
  do {
    called = called || agenda_.unsettled();
    settle_callbacks();
    if (idle() || held_back()) continue;
    if (settings_.flush_interval > Duration::zero()) last_flush_ = now();
    connections_.flush();
    if (!datagrams_.idle()) datagrams_.flush();
  } while (agenda_.unsettled());
  return called;
}

void Loop::settle_callbacks() {
  while (agenda_.unsettled()) {
    const Bits<Agenda::Soon> what = agenda_.take_soon();
    connections_.settle(what);
    if (what.any(Agenda::Soon::ports)) datagrams_.settle();
    if (what.any(Agenda::Soon::dropped)) {
      listeners_.let_go();
      watches_.let_go();
    }
  }
}

bool Loop::held_back() const {
  return settings_.flush_interval > Duration::zero() && !connections_.urgent() && !connections_.full() &&
         now() < last_flush_ + settings_.flush_interval;
}

std::optional<Time> Loop::deadline(Duration patience) {
  std::optional<Time> until;
  const auto at_most = [&until](std::optional<Time> time) {
    if (time && (!until || *time < *until)) until = time;
  };
  if (patience == Duration::zero()) return passed;
  const bool times = connections_.waits_for_times();
  // As almost always in a loop that serves: it waits until something happens.
  if (patience == Duration::max() && timers_.empty() && !times && !shutdown_.begun() && idle())
    return std::nullopt;
  if (patience != Duration::max()) at_most(later(now(), patience));
  at_most(timers_.next());
  if (times) at_most(connections_.next_time());
  if (!idle()) at_most(last_flush_ + settings_.flush_interval);
  if (shutdown_.begun()) at_most(shutdown_.deadline());
  if (until == Time::max()) until.reset();  // never
  return until;
}

void Loop::post(MoveOnlyFunction<void()> posted) {
  if (on_own_thread()) {
    mailbox_.post(std::move(posted), [] {});
    agenda_.put_off(Agenda::Due::posted);  // it is not waiting now, and will see this before it does
  } else {
    mailbox_.post(std::move(posted), [this] { wake(); });  // once it is posted, this may be gone
  }
}

void Loop::stop(Duration drain) {
  post([this, until = later(time(), drain)] { shutdown_.begin(until); });
}

void Loop::begin_closing() {
  connections_.lose_all();
  datagrams_.stop_all();
}

void Loop::call_trigger(const MoveOnlyFunction<void()>& trigger) {
  call(trigger);
}

void Loop::wake() noexcept {
  if (backend_ != nullptr) backend_->wake();
}

bool Loop::find_memory() {
  return connections_.find_memory();
}

// What the back end says.

void Loop::on_connected(StreamSlot& slot) {
  connections_.on_connected(connection_of(slot));
}
void Loop::on_received(StreamSlot& slot, std::span<char> lent) {
  connections_.on_received(connection_of(slot), lent);
}
void Loop::on_end(StreamSlot& slot) {
  connections_.on_end(connection_of(slot));
}
void Loop::on_written(StreamSlot& slot, std::size_t taken) {
  connections_.on_written(connection_of(slot), taken);
}
void Loop::on_all_written() {
  connections_.on_all_written();
}
void Loop::on_failed(StreamSlot& slot, std::error_code error) {
  connections_.on_failed(connection_of(slot), error);
}
void Loop::on_closed(StreamSlot& slot) {
  connections_.on_closed(connection_of(slot));
}
void Loop::on_detached(StreamSlot& slot, Handle handle, std::span<const char> held) {
  connections_.on_detached(connection_of(slot), handle, held);
}
void Loop::on_accepted(ListenerSlot& slot, Handle handle, const CompactAddress& peer) {
  listeners_.on_accepted(slot, handle, peer);
}
void Loop::on_accept_failed(ListenerSlot& slot, std::error_code error) {
  listeners_.on_accept_failed(slot, error);
}
void Loop::on_datagrams(DatagramSlot& slot, std::span<Received> lent) {
  datagrams_.on_datagrams(slot, lent);
}
void Loop::on_sent(DatagramSlot& slot, std::size_t count, std::error_code error) {
  datagrams_.on_sent(slot, count, error);
}
void Loop::on_datagram_error(DatagramSlot& slot, std::error_code error) {
  datagrams_.on_datagram_error(slot, error);
}
void Loop::on_closed(DatagramSlot& slot) {
  datagrams_.on_closed(slot);
}
void Loop::on_ready(WatchSlot& slot, Interest ready) {
  watches_.on_ready(slot, ready);
  connections_.between_callbacks();
}

}  // namespace parley
