#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <thread>

#include "parley/base/move_only_function.h"
#include "parley/reactor/backend.h"
#include "parley/reactor/datagram/datagram_ports.h"
#include "parley/reactor/loop/agenda.h"
#include "parley/reactor/loop/calls.h"
#include "parley/reactor/loop/connections.h"
#include "parley/reactor/loop/listeners.h"
#include "parley/reactor/loop/loop_clock.h"
#include "parley/reactor/loop/mailbox.h"
#include "parley/reactor/loop/registry.h"
#include "parley/reactor/loop/shutdown.h"
#include "parley/reactor/loop/timers.h"
#include "parley/reactor/loop/watches.h"
#include "parley/reactor/settings.h"

namespace parley {

// The turn of a reactor: in which order its parts do what they have to. docs/loop.md draws it. Everything
// that a call asks for and that must call somebody back is put in a list, and told by the loop between two
// callbacks: no call that goes down calls up.
class Loop final : private Backend::Upcalls, private ShutdownSequence::Steps {
 public:
  Loop(const MakeBackend& make, ReactorSettings settings);
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // One turn; false once a stop is over. Both throw std::logic_error inside a callback.
  bool turn(Duration patience);
  void run();
  // Throws std::logic_error on another thread than its own, and inside a callback.
  void require_runnable(std::string_view operation) const;
  bool on_own_thread() const { return std::this_thread::get_id() == thread_; }
  // Thread: any.
  void stop(Duration drain);
  void post(MoveOnlyFunction<void()> call);

  // The turn's time, and the clock's, which delays count from.
  Time now() const { return clock_.turn(); }
  Time time() const { return clock_.now(); }
  const Clock& clock() const { return clock_.clock(); }
  const Limits& limits() const { return settings_.limits; }
  Log& log() { return calls_.log(); }
  Backend& backend() { return *backend_; }

  // Its parts.
  Timers& timers() { return timers_; }
  Connections& connections() { return connections_; }
  Listeners& listeners() { return listeners_; }
  Watches& watches() { return watches_; }
  ShutdownSequence& shutdown() { return shutdown_; }
  DatagramPorts& datagrams() { return datagrams_; }
  Agenda& agenda() { return agenda_; }

  // Calls what is the program's, from the loop. False when something escaped, which is logged and told to the
  // error handler.
  template <class Call>
  bool call(const Call& call) {
    const bool well = calls_.guarded(call);
    connections_.between_callbacks();
    return well;
  }
  // Connections that are made and given away, by those who make them.
  bool stopping() const { return shutdown_.closing(); }
  // Calls it in each child of a fork that goes on with this loop, at the beginning of its first turn there.
  EntryId on_renewal(MoveOnlyFunction<void()> call) {
    return renewals_.add(std::make_unique<MoveOnlyFunction<void()>>(std::move(call)));
  }
  void remove_renewal(EntryId id) { renewals_.take(id); }
  void on_error(MoveOnlyFunction<void(std::exception_ptr)> handler) { calls_.on_error(std::move(handler)); }

 private:
  // Backend::Upcalls: each to the part that it concerns.
  void on_connected(StreamSlot& slot) override;
  void on_received(StreamSlot& slot, std::span<char> lent) override;
  void on_end(StreamSlot& slot) override;
  void on_written(StreamSlot& slot, std::size_t taken) override;
  void on_all_written() override;
  void on_failed(StreamSlot& slot, std::error_code error) override;
  void on_closed(StreamSlot& slot) override;
  void on_detached(StreamSlot& slot, Handle handle, std::span<const char> held) override;
  void on_accepted(ListenerSlot& slot, Handle handle, const CompactAddress& peer) override;
  void on_accept_failed(ListenerSlot& slot, std::error_code error) override;
  void on_datagrams(DatagramSlot& slot, std::span<Received> lent) override;
  void on_sent(DatagramSlot& slot, std::size_t count, std::error_code error) override;
  void on_datagram_error(DatagramSlot& slot, std::error_code error) override;
  void on_closed(DatagramSlot& slot) override;
  void on_ready(WatchSlot& slot, Interest ready) override;
  bool find_memory() override;
  void on_woken() override { agenda_.put_off(Agenda::Due::posted); }

  // ShutdownSequence::Steps
  void stop_accepting() override { listeners_.stop_all(); }
  void begin_closing() override;
  void cut_off() override { connections_.abort_all(); }
  void close_late() override { datagrams_.stop_all(); }
  bool all_closed() const override { return connections_.empty(); }
  void call_trigger(const MoveOnlyFunction<void()>& trigger) override;
  void settle() override { settle_and_flush(); }
  void wake() noexcept override;

  void renew();
  // Each answers whether somebody was called.
  bool begin() { return (agenda_.due() || time_has_come()) && work_off(); }
  bool work_off();
  bool finish() { return (agenda_.unsettled() || !idle()) && settle_and_flush(); }
  bool settle_and_flush();
  void settle_callbacks();
  // Something that has waited for its time may be due.
  bool time_has_come() const {
    return (!timers_.empty() && timers_.first() <= now()) || connections_.waits_for_times();
  }
  // Nothing is to be sent.
  bool idle() const { return connections_.idle() && datagrams_.idle(); }
  bool held_back() const;
  std::optional<Time> deadline(Duration patience);

  ReactorSettings settings_;
  const std::thread::id thread_ = std::this_thread::get_id();
  LoopClock clock_;
  Calls calls_;
  Agenda agenda_;
  Mailbox mailbox_;
  std::unique_ptr<Backend> backend_;
  Timers timers_;
  Connections connections_;
  Listeners listeners_;
  Watches watches_;
  DatagramPorts datagrams_;
  ShutdownSequence shutdown_;
  Registry<MoveOnlyFunction<void()>> renewals_;
  std::uint32_t forks_;
  Time last_flush_{};
};

}  // namespace parley
