#include "parley/reactor/loop/listeners.h"

#include <chrono>
#include <stdexcept>
#include <utility>

#include "parley/base/print.h"
#include "parley/socket/error.h"
#include "parley/socket/opening.h"

namespace parley {

namespace {

// How often it is said that connections are refused, however many are.
constexpr Duration refusal_log_interval = std::chrono::seconds(10);

// How many of one listener are told in a second why their factory refuses them.
constexpr std::size_t told_per_second = 32;

bool out_of_means(std::error_code error) {
  return error == std::errc::too_many_files_open || error == std::errc::too_many_files_open_in_system ||
         error == std::errc::no_buffer_space || error == std::errc::not_enough_memory;
}

}  // namespace

EntryId Listeners::listen(const Address& address, std::shared_ptr<Factory> factory, ListenSettings settings) {
  if (factory == nullptr) throw std::invalid_argument("listen: no factory was given");
  auto listener = std::make_unique<Listener>();
  const Result<Address> host = backend_->listen(*listener, address, settings.options);
  if (!host) {
    throw SocketError("listen", concat(address), system_code(host.error()), advice_on_opening(host.error()));
  }
  listener->factory = std::move(factory);
  listener->settings = std::move(settings);
  listener->host = *host;
  return start(std::move(listener));
}

EntryId Listeners::adopt(Handle handle, std::shared_ptr<Factory> factory, ListenSettings settings) {
  auto listener = std::make_unique<Listener>();
  const Result<Address> host = factory == nullptr ? std::make_error_code(std::errc::invalid_argument)
                                                  : backend_->adopt(*listener, handle, settings.options);
  if (!host) {
    backend_->discard(handle);
    if (factory == nullptr) throw std::invalid_argument("adopt_port: no factory was given");
    const bool odd_option = host.error().category() == opening_category();
    throw SocketError("adopt_port", {}, host.error(), odd_option ? "" : "a socket that listens is needed");
  }
  listener->host = *host;
  listener->factory = std::move(factory);
  listener->settings = std::move(settings);
  return start(std::move(listener));
}

// Nothing is accepted before the factory has started: it is what makes the protocols.
EntryId Listeners::start(std::unique_ptr<Listener> listener) {
  try {
    listener->factory->start();  // which may listen elsewhere
  } catch (...) {
    backend_->unlisten(*listener);
    throw;
  }
  try {
    backend_->set_accepting(*listener, true);
  } catch (...) {  // select has no room for the descriptor
    backend_->unlisten(*listener);
    calls_.guarded([&] { listener->factory->stop(); });
    throw;
  }
  const EntryId id = listeners_.next();
  listener->id = id;
  return listeners_.add(std::move(listener));
}

Address Listeners::host(EntryId id) const {
  const Listener* const listener = listeners_.find(id);
  return listener == nullptr ? Address() : listener->host;
}

int Listeners::fileno(EntryId id) const {
  const Listener* const listener = listeners_.find(id);
  return listener == nullptr ? -1 : backend_->fileno(*listener);
}

void Listeners::stop(EntryId id) {
  std::unique_ptr<Listener> listener = listeners_.take(id);
  if (listener == nullptr) return;
  backend_->unlisten(*listener);
  add(stopped_, std::move(listener), connections_);  // its factory may be what is being called
  agenda_.leave_to_settle(Agenda::Soon::dropped);
}

void Listeners::stop_all() {
  for (const EntryId id : listeners_.ids()) stop(id);
}

void Listeners::let_go() {
  const std::vector<std::unique_ptr<Listener>> stopped = std::exchange(stopped_, {});
  for (const auto& listener : stopped) calls_.guarded([&] { listener->factory->stop(); });
}

// Factories are not stopped: from here on nobody is called.
void Listeners::close_all() {
  for (const EntryId id : listeners_.ids()) backend_->unlisten(*listeners_.find(id));
  listeners_ = {};
}

// Under a filter the words would not be understood.
std::string_view Listeners::refusal(const Listener& listener) {
  return listener.settings.wrap ? std::string_view() : std::string_view(listener.settings.refusal);
}

std::string_view Listeners::words_of(Listener& listener) {
  std::string_view words;
  if (!listener.settings.wrap) calls_.guarded([&] { words = listener.factory->refusal(); });
  if (words.empty()) return words;
  if (clock_.turn() >= listener.told_until) {
    listener.told_until = later(clock_.turn(), std::chrono::seconds(1));
    listener.told = 0;
  }
  return ++listener.told <= told_per_second ? words : std::string_view();
}

void Listeners::on_accepted(ListenerSlot& slot, Handle handle, const CompactAddress& accepted) {
  auto& listener = static_cast<Listener&>(slot);
  const CompactAddress peer = connections_.numbered(accepted);
  const std::size_t most = listener.settings.max_connections;
  if (most != 0 && connections_.size() >= most) {
    connections_.turn_away(handle, peer, refusal(listener));
    return log_refusal("the limit of connections is reached");
  }
  std::unique_ptr<Protocol> protocol;
  calls_.guarded([&] {
    const Address address(peer);
    protocol = listener.factory->build_protocol(address);
    if (listener.settings.wrap) {
      protocol = detail::wrapped(listener.settings.wrap, address, std::move(protocol));
    }
  });
  if (protocol == nullptr) {
    const std::string_view words = words_of(listener);
    if (words.empty()) {
      backend_->discard(handle);
    } else {
      connections_.turn_away(handle, peer, words);
    }
  } else {
    connections_.accept(handle, peer, std::move(protocol), listener.settings.handshake_timeout);
  }
  connections_.between_callbacks();
}

void Listeners::on_accept_failed(ListenerSlot& slot, std::error_code error) {
  auto& listener = static_cast<Listener&>(slot);
  if (out_of_means(error)) {
    // Those who wait are told now, and not left hanging until there are descriptors again.
    std::size_t most = limits_.accept_batch;
    while (most-- > 0 && backend_->refuse(slot, refusal(listener))) {
    }
  }
  with_relief(connections_, [&] { log_refusal(detail::with_remedy(error.message(), error)); });
  // The back end has stopped accepting: it would be told of the same connections again and again.
  with_relief(connections_, [&] {
    timers_.add(later(clock_.now(), limits_.accept_rest), [this, id = listener.id] {
      if (Listener* const rested = listeners_.find(id)) backend_->set_accepting(*rested, true);
    });
  });
}

void Listeners::log_refusal(std::string_view why) {
  const Time now = clock_.turn();
  if (refusals_logged_ && now < *refusals_logged_ + refusal_log_interval) return;
  refusals_logged_ = now;
  Calls::say(calls_.log(), Level::warn, "new connections are refused: ", why, " (", connections_.size(),
             " are served; said at most every 10 s)");
}

}  // namespace parley
