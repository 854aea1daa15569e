#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "parley/base/limits.h"
#include "parley/reactor/loop/agenda.h"
#include "parley/reactor/loop/calls.h"
#include "parley/reactor/loop/connections.h"
#include "parley/reactor/loop/loop_clock.h"
#include "parley/reactor/loop/registry.h"
#include "parley/reactor/loop/timers.h"
#include "parley/reactor/protocol.h"
#include "parley/reactor/settings.h"

namespace parley {

// Where connections come in: the ports that are listened at, their limits, and what happens when no
// descriptor is left.
class Listeners {
 public:
  Listeners(const Limits& limits, const LoopClock& clock, Agenda& agenda, Calls& calls, Timers& timers,
            Connections& connections)
      : limits_(limits),
        clock_(clock),
        agenda_(agenda),
        calls_(calls),
        timers_(timers),
        connections_(connections) {}
  void use(Backend& backend) { backend_ = &backend; }

  // Throws SocketError, std::invalid_argument, and what the factory throws when it starts.
  EntryId listen(const Address& address, std::shared_ptr<Factory> factory, ListenSettings settings);
  // A listening socket, which does not block, from elsewhere. It is closed where this throws.
  EntryId adopt(Handle handle, std::shared_ptr<Factory> factory, ListenSettings settings);
  Address host(EntryId id) const;
  int fileno(EntryId id) const;
  void stop(EntryId id);
  void stop_all();
  // Those that were stopped, once nothing can be inside their callbacks any more.
  void let_go();
  // Closes all, and calls nobody.
  void close_all();
  template <class Renew>
  void each(Renew renew) {
    for (const EntryId id : listeners_.ids()) renew(*listeners_.find(id));
  }

  // What the back end says.
  void on_accepted(ListenerSlot& slot, Handle handle, const CompactAddress& peer);
  void on_accept_failed(ListenerSlot& slot, std::error_code error);

 private:
  struct Listener : ListenerSlot {
    EntryId id;
    std::shared_ptr<Factory> factory;
    ListenSettings settings;
    Address host;
    Time told_until{};  // the end of the second in which so many were told why they were refused
    std::size_t told = 0;
  };

  EntryId start(std::unique_ptr<Listener> listener);
  static std::string_view refusal(const Listener& listener);
  // What its factory has to say to a peer that it has refused.
  std::string_view words_of(Listener& listener);
  void log_refusal(std::string_view why);

  const Limits& limits_;
  const LoopClock& clock_;
  Agenda& agenda_;
  Calls& calls_;
  Timers& timers_;
  Connections& connections_;
  Backend* backend_ = nullptr;
  Registry<Listener> listeners_;
  std::vector<std::unique_ptr<Listener>> stopped_;
  std::optional<Time> refusals_logged_;
};

}  // namespace parley
