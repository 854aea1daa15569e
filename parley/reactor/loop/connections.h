#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <unordered_map>
#include <vector>

#include "parley/base/limits.h"
#include "parley/base/move_only_function.h"
#include "parley/reactor/backend.h"
#include "parley/reactor/detached.h"
#include "parley/reactor/loop/agenda.h"
#include "parley/reactor/loop/calls.h"
#include "parley/reactor/loop/connection.h"
#include "parley/reactor/loop/deadlines.h"
#include "parley/reactor/loop/flow.h"
#include "parley/reactor/loop/flusher.h"
#include "parley/reactor/loop/forms.h"
#include "parley/reactor/loop/loop_clock.h"
#include "parley/reactor/loop/producers.h"
#include "parley/reactor/loop/reading.h"
#include "parley/reactor/loop/table.h"

namespace parley {

// A loop's connections: it owns them, decides when each protocol is called, and how each ends. No call of a
// program calls back: what follows from it is put in a list here, and told by the loop between two callbacks.
class Connections final : public Flusher::Owner {
 public:
  Connections(const Limits& limits, const LoopClock& clock, Agenda& agenda, Calls& calls);
  ~Connections();
  Connections(const Connections&) = delete;
  Connections& operator=(const Connections&) = delete;
  void use(Backend& backend);

  // Where they come from (connections_made.cpp).

  // A connected stream. `connection_made` comes at once from `accept`, which the loop calls, and otherwise
  // when the loop settles. One that is accepted, and whose filters have not let its application begin after
  // `handshake`, is cut off; 0: no limit.
  void accept(Handle handle, const CompactAddress& peer, std::unique_ptr<Protocol> protocol,
              Duration handshake);
  TransportId adopt(Handle handle, const CompactAddress& peer, std::unique_ptr<Protocol> protocol);
  // One that has left another reactor: what it had received is delivered first, what it had queued is sent
  // first.
  TransportId adopt(Detached detached, std::unique_ptr<Protocol> protocol);
  // Is told the words, and closed in good order, without ever having had a protocol.
  void turn_away(Handle handle, const CompactAddress& peer, std::string_view words);
  // Begins to connect. `done` is called from the loop, once, with no error when the connection is made: then
  // `start` gives it its protocol, or it is given up. Nothing is called any more after `give_up`.
  TransportId connect(const Address& to, const ConnectOptions& options,
                      MoveOnlyFunction<void(std::error_code)> done);
  void start(TransportId id, std::unique_ptr<Protocol> protocol);
  void give_up(TransportId id);
  // Calls `made` when a filter lets its application begin (without filters it does at once, and nobody is
  // called), and `lost` once that connection has ended and its protocol is gone. One for each connection.
  void follow(TransportId id, MoveOnlyFunction<void()> made,
              MoveOnlyFunction<void(const Reason&, std::string_view detail)> lost);
  // Gives a connection away, still connected; `then` is called from the loop when it has left. Throws
  // std::logic_error for one that is filtered, has a producer, or is ending.
  void detach(TransportId id, MoveOnlyFunction<void(Detached)> then);

  // One that has a protocol; null when it is gone.
  Connection* find(TransportId id) const {
    Connection* const connection = table_.find(id);
    return connection != nullptr && connection->has_protocol() ? connection : nullptr;
  }
  std::size_t size() const { return with_protocol_; }
  // Also those that are being made, and those whose end the back end is still to confirm.
  bool empty() const { return table_.in_use() == 0; }
  // The reactor stops; and has stopped, and may run again.
  void lose_all();
  void abort_all();
  void open_again();
  // Local peers have no names: they are numbered as they come.
  CompactAddress numbered(CompactAddress peer);

  // What a connection is asked (connections_transport.cpp).
  void write(Connection& connection, std::string_view bytes);
  void write(Connection& connection, std::span<const std::string_view> pieces);
  void write(Connection& connection, Slice slice);
  void send_file(Connection& connection, FilePart part);
  void pause_reading(Connection& connection) { reading_.pause(connection); }
  void resume_reading(Connection& connection) { reading_.resume(connection); }
  InputBlock take_lent(std::span<const char> lent) { return backend_->take_lent(lent); }
  void shutdown_write(Connection& connection);
  void lose(Connection& connection);
  void abort(Connection& connection, Reason reason, bool reset);
  void register_producer(Connection& connection, Producer& producer, Production how);
  void unregister_producer(Connection& connection);
  std::size_t queued(const Connection& connection) {
    flusher_.close_run(connection);
    return connection.filtered() ? table_.find(connection.id())->size() : connection.outbox.size();
  }
  Address host(const Connection& connection) const {
    return backend_ == nullptr ? Address() : backend_->host(connection);
  }
  void set_option(Connection& connection, StreamOption what, bool on);
  bool option(const Connection& connection, StreamOption what) const;
  int fileno(const Connection& connection) const {
    return connection.given_up() || backend_ == nullptr ? -1 : backend_->fileno(connection);
  }

  // The same by its filters (connections_filters.cpp).
  void insert(Connection& connection, std::unique_ptr<Filter> filter, std::string_view rest);
  void flush_soon(Connection& connection) {
    if (connection.given_up()) return;
    flusher_.in_filters() ? flush_again(connection) : flusher_.mark(connection);
  }
  void hold_input(Connection& connection, bool held);
  void fail_in_order(Connection& connection, std::error_code error, std::string detail);
  void application_made(Connection& connection);

  // A message for many stands on a tape of groups; each of them is told its part of it.
  void deliver(Connection& connection, std::string_view on_group_tape) {
    if (connection.output.any(Output::shut) || on_group_tape.empty()) return;
    if (!connection.outbox.extends_at(on_group_tape.data())) return deliver_apart(connection, on_group_tape);
    connection.outbox.extend(on_group_tape.data(), on_group_tape.size());
    flusher_.mark(connection);
  }
  Flusher& flusher() { return flusher_; }
  Forms& forms() { return forms_; }
  Flow& flow() { return flow_; }

  // What the back end says.
  void on_connected(Connection& connection) { made(connection, {}); }
  void on_received(Connection& connection, std::span<char> lent);
  void on_end(Connection& connection);
  void on_written(Connection& connection, std::size_t taken);
  void on_all_written();
  void on_failed(Connection& connection, std::error_code error);
  void on_closed(Connection& connection);
  void on_detached(Connection& connection, Handle handle, std::span<const char> held);

  // One that lags is lost.
  bool find_memory() override;

  // For the turn.
  // What was put off to this turn.
  void resume_reading(const std::vector<TransportId>& resumed);
  void ask_producers(const std::vector<TransportId>& hungry);
  void flush_put_off();
  std::vector<TransportId> take_resumed() { return reading_.take_resumed(); }
  std::vector<TransportId> take_hungry() { return producers_.take_hungry(); }
  // Times that are over.
  bool waits_for_times() const { return agenda_.timed(); }
  void expire();
  std::optional<Time> next_time();
  // Tells connection_made, connection_lost, pause_writing and resume_writing where they are due.
  void settle(Bits<Agenda::Soon> what);
  // A connection closes: the flush interval does not hold back its last words.
  bool urgent() const { return urgent_; }
  bool idle() const { return flusher_.idle(); }
  bool full() const { return flusher_.full(); }
  void flush();
  // Between two callbacks: a full tape is flushed at once.
  void between_callbacks() {
    if (flusher_.full()) flush();
  }

  // Closes all, and calls nobody; then the protocols go, once the back end is gone too.
  void close_all();
  void drop_protocols();
  // After a fork, in the child.
  template <class Renew>
  void each_open(Renew renew) {
    table_.each([&](Connection& connection) {
      if (!connection.given_up()) renew(connection);
    });
  }

 private:
  struct Loss {
    Connection* connection;
    Reason reason;
  };

  struct Behind {
    std::size_t held;  // bytes of memory
    TransportId id;
  };
  struct Lingering {
    Time until;
    TransportId id;
  };
  // Is called when both its protocol has been told and the back end has given it back.
  struct Leaving {
    MoveOnlyFunction<void(Detached)> then;
    std::optional<Detached> detached{};
  };

  struct Follower {
    MoveOnlyFunction<void()> made;
    MoveOnlyFunction<void(const Reason&, std::string_view)> lost;
  };
  // Why one that still closes has failed: what its filters have said.
  struct Failure {
    std::error_code error;
    std::string detail;
  };
  // A filter that was put under a living protocol, and what it is to be given first.
  struct Inserted {
    Filter* filter;
    std::string rest;
  };

  void after_flush(Connection& connection) override;
  void filter_failed(Connection& connection) override;
  void filters_left(Connection& connection) override { drop_output(connection); }
  void flush_again(Connection& connection) override;
  bool make_room(Connection& connection, std::size_t bytes) override;
  bool find_memory_for(Connection* connection) override;
  void starved(Connection& connection) override;
  void deliver_apart(Connection& connection, std::string_view on_group_tape);
  void prepare_relief();
  void refill_reserve();
  bool has_room(std::size_t bytes);
  void relieve();
  void freed() override;
  Time next_trim() const;
  Connection* furthest();
  void took(Connection& connection, std::size_t bytes) override { flow_.took(connection, bytes); }

  // Calls the protocol; what it publishes meanwhile counts for this connection.
  template <class Call>
  void call(Connection& connection, const Call& call_protocol) {
    flow_.enter(connection);
    try {
      const InsideReactor inside;
      call_protocol(*connection.protocol_);
      flow_.leave();
    } catch (...) {
      flow_.leave();
      escaped(connection);
    }
    between_callbacks();
  }
  // The same with the filters of one that closes, if they wait for something; its application is not told.
  template <class Call>
  void call_filters(Connection& connection, const Call& call_lowest) {
    if (!connection.filters_wait()) return;
    call(connection, [&](Protocol& lowest) {
      connection.filters().deafen();
      call_lowest(lowest);
    });
  }
  [[gnu::cold]] void received_while_closing(Connection& connection, std::span<char> lent);
  void escaped(Connection& connection);

  Connection& open(Handle handle, const CompactAddress& peer);
  void take_protocol(Connection& connection, std::unique_ptr<Protocol> protocol);
  void made(Connection& connection, std::error_code error);
  void tell_made();
  void tell_made(Connection& connection);
  bool was_told_made(const Connection& connection) const;
  void give_rest(Connection& connection);
  void resume_filters(Connection& connection);
  void drop_filters(Connection& connection);
  void resume(Connection& connection);
  void go_on(Connection& connection);
  void feed(Connection& connection);
  void write_pieces(Connection& connection, std::string_view bytes);
  void write_large(Connection& connection, std::span<const std::string_view> pieces, std::size_t total);
  void watch_closing(Connection& connection);
  void stop_waiting(Connection& connection);
  void leave(Connection& connection);
  void begin_closing(Connection& connection);
  void hand_over(Connection& connection);
  void finish_ending(Connection& connection);
  void give_up(Connection& connection, bool reset);
  void drop_output(Connection& connection);
  void end(Connection& connection, Reason reason);
  void tell_lost();
  void tell_lost(const Loss& loss);
  void stop_producer(Connection& connection);
  void tell_pressure();
  void tell_pressure(Connection& connection);
  void release_if_done(Connection& connection);

  const Limits& limits_;
  const LoopClock& clock_;
  Agenda& agenda_;
  Calls& calls_;
  Backend* backend_ = nullptr;
  Table table_;
  Forms forms_;
  Flusher flusher_;
  Reading reading_;
  Flow flow_;
  Producers producers_;
  std::uint32_t last_local_peer_ = 0;
  std::size_t with_protocol_ = 0;
  bool stopping_ = false;  // what is made now is closed too ...
  bool aborting_ = false;  // ... or cut off
  bool urgent_ = false;

  std::vector<TransportId> made_;          // to be told connection_made
  std::vector<TransportId> telling_made_;  // those of them that are being told,
  std::size_t told_made_ = 0;              // and how many of them were
  std::vector<TransportId> flush_again_;   // to be flushed in the next turn
  std::vector<Loss> losses_;               // to be told connection_lost
  std::vector<Loss> telling_losses_;       // those of them that are being told
  std::vector<Connection*> pressured_;     // to be told pause_writing or resume_writing
  // The furthest behind, when that was looked for last: the last is the furthest. And how much is held by
  // those that were given up, and whose writes the kernel still has.
  std::vector<Behind> furthest_;
  std::size_t leaving_held_ = 0;
  bool looked_ = false;  // since the last flush
  Time trimmed_{};
  // Memory for losing connections where there is no other.
  std::unique_ptr<char[]> reserve_;
  // By slot: who is called when it is made, has gone, has left.
  std::unordered_map<std::uint32_t, MoveOnlyFunction<void(std::error_code)>> connecting_;
  std::unordered_map<std::uint32_t, Follower> followers_;
  std::unordered_map<std::uint32_t, Leaving> leaving_;
  std::unordered_map<std::uint32_t, Inserted> inserted_;
  std::unordered_map<std::uint32_t, Failure> failures_;
  std::unordered_map<std::uint32_t, std::string> held_;  // what an adopted one is to be delivered first
  // Those whose peer, or producer, must do something: take what is left, or finish the filters' handshake.
  Deadlines closing_;
  std::deque<Lingering> lingering_;  // those whose peer is to end too; the first is due first
};

}  // namespace parley
