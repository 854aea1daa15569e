#include "parley/reactor/loop.h"

#include <algorithm>
#include <stdexcept>

#include "parley/base/print.h"

namespace parley {

Loop::Loop(const Reactor::MakeBackend& make, ReactorSettings settings)
    : settings_(std::move(settings)), gate_(settings_.limits, *this), datagrams_(*this, settings_.limits) {
  backend_ = make({.up = *this, .limits = settings_.limits, .clock = *settings_.clock});
  gate_.use(*backend_);
}

// Whatever a protocol closes or stops as it goes has ended already.
Loop::~Loop() {
  const auto listeners = std::exchange(listeners_, {});
  const auto watchers = std::exchange(watchers_, {});
  for (const auto& [id, listener] : listeners) backend_->unlisten(*listener);
  for (const auto& [id, watcher] : watchers) backend_->unwatch(*watcher);
  table_.each([this](Connection& connection) {
    if (!connection.has(Connection::closed)) backend_->close(connection, false);
    connection.set(Connection::shut | Connection::closing | Connection::lost | Connection::closed);
  });
  datagrams_.close();
  backend_.reset();
  datagrams_.clear();
  // Before the timers: a protocol may cancel one as it goes.
  table_.each([](Connection& connection) { connection.protocol_.reset(); });
}

// The turn: what waited, what has happened, and after each of them the gate.

bool Loop::turn(Duration patience) {
  now_is_stale_ = true;
  prepare();
  finish();
  if (stopped()) return false;
  const std::optional<Time> until = deadline(patience);
  now_is_stale_ = true;
  backend_->turn(until);
  finish();
  let_go();
  return true;
}

void Loop::prepare() {
  expire();
  std::vector<TransportId> resumed;
  resumed.swap(resuming_);
  for (const TransportId id : resumed) {
    if (Connection* const connection = find(id)) resume(*connection);
  }
  std::vector<TransportId> hungry;
  hungry.swap(hungry_);
  for (const TransportId id : hungry) {
    if (Connection* const connection = find(id)) feed(*connection);
  }
  datagrams_.prepare();
  const std::uint64_t before = timers_.added();
  while (std::function<void()> due = timers_.take_due(now(), before)) {
    guarded(due);
    between_callbacks();
  }
  for (std::function<void()>& posted : mailbox_.take()) {
    guarded(posted);
    between_callbacks();
  }
}

void Loop::finish() {
  do {
    settle();
    if (!held_back()) flush();
  } while (unsettled());
}

void Loop::settle() {
  while (unsettled()) {
    std::vector<TransportId> made;
    made.swap(made_);
    for (const TransportId id : made) tell_made(id);
    std::vector<Loss> losses;
    losses.swap(losses_);
    for (const Loss& loss : losses) tell_lost(loss);
    std::vector<Connection*> pressured;
    pressured.swap(pressured_);
    for (Connection* connection : pressured) tell_pressure(*connection);
    datagrams_.settle();
  }
}

bool Loop::held_back() const {
  return settings_.flush_interval > Duration::zero() && !urgent_ && !gate_.full() &&
         now() < last_flush_ + settings_.flush_interval;
}

void Loop::flush() {
  close_run();
  if (!gate_.idle() || !datagrams_.idle()) last_flush_ = now();
  urgent_ = false;
  gate_.run();
  datagrams_.flush();
  relieve();
}

std::optional<Time> Loop::deadline(Duration patience) const {
  if (!resuming_.empty() || !hungry_.empty() || datagrams_.waiting()) return now();
  std::optional<Time> until;
  const auto at_most = [&until](Time time) {
    if (!until || time < *until) until = time;
  };
  if (patience < Time::max() - now()) at_most(now() + patience);
  if (const auto next = timers_.next()) at_most(*next);
  for (const std::deque<Waiting>* waiting : {&braked_, &closing_, &lingering_}) {
    if (!waiting->empty()) at_most(waiting->front().until);
  }
  if (!gate_.idle() || run_ != nullptr || !datagrams_.idle()) at_most(last_flush_ + settings_.flush_interval);
  if (stage_ == Stage::before || stage_ == Stage::draining) at_most(drain_until_);
  return until;
}

void Loop::run() {
  if (std::this_thread::get_id() != thread_) {
    throw std::logic_error("Reactor::run: a reactor runs on the thread that made it");
  }
  while (turn(Duration::max())) {
  }
}

void Loop::post(std::function<void()> call) {
  if (mailbox_.post(std::move(call)) && backend_ != nullptr) backend_->wake();
}

// What a handler lets escape never crosses the loop.
void Loop::handler_failed() {
  const std::exception_ptr escaped = std::current_exception();
  try {
    std::rethrow_exception(escaped);
  } catch (const std::exception& error) {
    settings_.log->write(Level::error, format("a handler failed: ", std::string_view(error.what())));
  } catch (...) {
    settings_.log->write(Level::error, "a handler failed: it threw something that is no std::exception");
  }
  if (!error_handler_) return;
  try {
    error_handler_(escaped);
  } catch (...) {
    settings_.log->write(Level::error, "the error handler failed too");
  }
}

// Foreign descriptors.

std::uint64_t Loop::watch(int descriptor, Interest wanted, std::function<void(Interest)> ready) {
  auto watcher = std::make_unique<Watcher>();
  watcher->ready = std::move(ready);
  backend_->watch(*watcher, Handle{descriptor}, wanted);
  watchers_.emplace(++last_id_, std::move(watcher));
  return last_id_;
}

void Loop::rewatch(std::uint64_t id, Interest wanted) {
  if (const auto found = watchers_.find(id); found != watchers_.end())
    backend_->rewatch(*found->second, wanted);
}

void Loop::unwatch(std::uint64_t id) {
  const auto found = watchers_.find(id);
  if (found == watchers_.end()) return;
  backend_->unwatch(*found->second);
  unwatched_.push_back(std::move(found->second));
  watchers_.erase(found);
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
  auto& watcher = static_cast<Watcher&>(slot);
  guarded([&] { watcher.ready(ready); });
  between_callbacks();
}

}  // namespace parley
