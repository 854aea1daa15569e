#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "parley/reactor/backend.h"
#include "parley/reactor/connection.h"
#include "parley/reactor/datagram_ports.h"
#include "parley/reactor/gate.h"
#include "parley/reactor/group.h"
#include "parley/reactor/mailbox.h"
#include "parley/reactor/reactor.h"
#include "parley/reactor/table.h"
#include "parley/reactor/timers.h"
#include "parley/socket/blocking.h"

namespace parley {

// The machine behind a reactor: it owns connections, listeners, watches and timers, and decides when each
// is called. docs/loop.md draws its turn. Everything that a call asks for and that must call somebody
// back is put in a list here, and done by the loop between two callbacks: no downcall calls up.
class Loop final : private Backend::Upcalls, private Gate::Owner {
 public:
  Loop(const Reactor::MakeBackend& make, ReactorSettings settings);
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // loop.cpp: the turn.
  bool turn(Duration patience);
  void run();
  void stop(Duration drain);
  void post(std::function<void()> call);
  std::uint64_t add_trigger(Stopping when, std::function<void(Hold)> call);
  void remove_trigger(std::uint64_t id);
  // Read once between two waits.
  Time now() const {
    if (now_is_stale_) {
      now_ = settings_.clock->now();
      now_is_stale_ = false;
    }
    return now_;
  }
  Timers& timers() { return timers_; }
  void on_error(std::function<void(std::exception_ptr)> handler) { error_handler_ = std::move(handler); }
  Log& log() { return *settings_.log; }
  // Calls what is the program's, from the loop: what escapes from it is logged, and told to the error
  // handler.
  template <class Call>
  bool call_guarded(Call call) {
    return guarded(call);
  }

  std::uint64_t watch(int descriptor, Interest wanted, std::function<void(Interest)> ready);
  void rewatch(std::uint64_t id, Interest wanted);
  void unwatch(std::uint64_t id);

  DatagramPorts& datagrams() { return datagrams_; }

  // dock.cpp: where connections come in.
  std::uint64_t listen(const Address& address, std::shared_ptr<Factory> factory, ListenSettings settings);
  // A listening socket, which does not block, from elsewhere.
  std::uint64_t adopt_port(int descriptor, std::shared_ptr<Factory> factory, ListenSettings settings);
  Address listening_at(std::uint64_t id) const;
  void stop_listening(std::uint64_t id);
  // A connected stream, which does not block, from elsewhere. `connection_made` comes from the loop.
  TransportId adopt(int descriptor, const CompactAddress& peer, std::unique_ptr<Protocol> protocol);
  // Begins to connect. `done` is called from the loop, once, with no error when the connection is made: then
  // `start` gives it its protocol, or it is given up. Nothing is called any more after `give_up`.
  TransportId connect(const Address& to, const ConnectOptions& options,
                      std::function<void(std::error_code)> done);
  void start(TransportId id, std::unique_ptr<Protocol> protocol);
  void give_up(TransportId id);
  // Calls `lost` once that connection has ended and its protocol is gone. One for each connection.
  void follow(TransportId id, std::function<void(const Reason&)> lost);
  // Connections are being closed, and what is made now is closed too.
  bool stopping() const { return stage_ == Stage::draining || stage_ == Stage::aborting; }

  // connections.cpp: what becomes of them. For Connection, which only hands on.
  Connection* find(TransportId id) const {
    Connection* const connection = table_.find(id);
    return connection != nullptr && !connection->has(Connection::gone) ? connection : nullptr;
  }
  std::size_t connections() const { return with_protocol_; }
  void write(Connection& connection, std::string_view bytes);
  void write(Connection& connection, std::span<const std::string_view> pieces);
  void write_large(Connection& connection, std::span<const std::string_view> pieces, std::size_t total);
  void write(Connection& connection, Slice slice);
  void pause_reading(Connection& connection);
  void resume_reading(Connection& connection);
  void shutdown_write(Connection& connection);
  void lose(Connection& connection);
  void abort(Connection& connection, Reason reason, bool reset);
  void register_producer(Connection& connection, Producer& producer, Production how);
  void unregister_producer(Connection& connection);
  std::size_t queued(const Connection& connection) {
    close_run();
    return connection.outbox().size();
  }
  Address host(const Connection& connection) const { return backend_->host(connection); }

  // For groups: the tape of what many are told, and what each of them is told of it.
  Tape& group_tape() { return gate_.group_tape(); }
  std::uint32_t deliver(Connection& connection, std::string_view on_group_tape) {
    const std::uint32_t marks = connection.outbox().marks;
    if ((marks & Connection::shut) != 0 || on_group_tape.empty()) return 0;
    connection.outbox().append(on_group_tape);
    gate_.mark(connection);
    return marks;
  }
  // The group whose run is being written: at most one, since order holds between groups too.
  Group* open_run() const { return run_; }
  void open_run(Group* group) {
    close_run();
    run_ = group;
  }
  void close_run() {
    if (run_ != nullptr) std::exchange(run_, nullptr)->distribute();
  }
  std::uint32_t close_run(Group* of) {
    if (run_ != of) return 0;
    run_ = nullptr;
    return of->distribute();
  }
  bool somebody_lags() const { return lagging_ != 0; }
  // So much was published, by the connection whose protocol is being called if there is one.
  void heard(std::size_t bytes, bool somebody_lags) {
    if (current_ != nullptr) published(bytes, somebody_lags);
  }

 private:
  friend class DatagramPorts;  // it calls protocols in the same manner

  struct Listener : ListenerSlot {
    std::uint64_t id = 0;
    std::shared_ptr<Factory> factory;
    ListenSettings settings;
    Address host;
  };
  struct Watcher : WatchSlot {
    std::function<void(Interest)> ready;
  };
  struct Waiting {  // for a time that is the same for all in its list, so that the first is due first
    Time until;
    TransportId id;
  };
  struct StopCall {
    std::uint64_t id;
    Stopping when;
    std::function<void(Hold)> call;
  };
  struct Loss {
    Connection* connection;
    Reason reason;
  };

  // Backend::Upcalls
  void on_connected(StreamSlot& slot) override;
  void on_all_written() override {}
  void on_datagrams(DatagramSlot& slot, std::span<Received> lent) override;
  void on_sent(DatagramSlot& slot, std::size_t count, std::error_code error) override;
  void on_datagram_error(DatagramSlot& slot, std::error_code error) override;
  void on_closed(DatagramSlot& slot) override;
  void on_woken() override {}
  void on_received(StreamSlot& slot, std::span<char> lent) override;
  void on_end(StreamSlot& slot) override;
  void on_written(StreamSlot& slot, std::size_t taken) override;
  void on_failed(StreamSlot& slot, std::error_code error) override;
  void on_closed(StreamSlot& slot) override;
  void on_detached(StreamSlot& slot, Handle handle, std::span<const char> held) override;
  void on_accepted(ListenerSlot& slot, Handle handle, const CompactAddress& peer) override;
  void on_accept_failed(ListenerSlot& slot, std::error_code error) override;
  void on_ready(WatchSlot& slot, Interest ready) override;
  // Gate::Owner
  void after_flush(Connection& connection) override;

  void prepare();
  void finish();
  void settle();
  bool unsettled() const {
    return !made_.empty() || !losses_.empty() || !pressured_.empty() || datagrams_.unsettled();
  }
  void flush();
  bool held_back() const;
  std::optional<Time> deadline(Duration patience) const;
  void begin_stop(Duration drain);
  void call_triggers(Stopping when);
  bool stopped();
  void handler_failed();
  template <class Call>
  bool guarded(const Call& call) {
    try {
      const InsideReactor inside;
      call();
      return true;
    } catch (...) {
      handler_failed();
      return false;
    }
  }
  // Calls the protocol; what it publishes meanwhile counts for this connection.
  template <class Call>
  void call(Connection& connection, Call call_protocol) {
    current_ = &connection;
    published_ = 0;
    const bool well = guarded([&] { call_protocol(*connection.protocol_); });
    current_ = nullptr;
    if (!well) abort(connection, Reason(Reason::Kind::handler), true);
    between_callbacks();
  }
  void between_callbacks() {
    if (gate_.full()) flush();
  }

  void welcome(Listener& listener, int descriptor, const CompactAddress& peer);
  void turn_away(Listener& listener, int descriptor, const CompactAddress& peer);
  void log_refusal(std::string_view why);
  Connection& seat(int descriptor, const CompactAddress& peer);
  Connection& seat(int descriptor, const CompactAddress& peer, std::unique_ptr<Protocol> protocol);
  void take_protocol(Connection& connection, std::unique_ptr<Protocol> protocol);
  void connected(Connection& connection, std::error_code error);
  std::uint64_t open_listener(std::unique_ptr<Listener> listener);
  CompactAddress numbered(CompactAddress peer);
  void let_go();
  void tell_made(TransportId id);
  void ask_producer(Connection& connection);
  void feed(Connection& connection);
  Producer* take_producer(Connection& connection);
  void leave(Connection& connection);
  Producer* streaming_producer(const Connection& connection) const {
    return connection.has(Connection::produces) && !connection.has(Connection::pulls)
               ? producers_.at(connection.id().slot)
               : nullptr;
  }
  void published(std::size_t bytes, bool somebody_lags);
  void update_reading(Connection& connection);
  void resume(Connection& connection);
  void finish_ending(Connection& connection);
  void give_up(Connection& connection, bool reset);
  void lost(Connection& connection, Reason reason);
  void tell_lost(const Loss& loss);
  void tell_pressure(Connection& connection);
  void set_lagging(Connection& connection, bool lags);
  void relieve();
  void release_if_done(Connection& connection);
  void expire();

  ReactorSettings settings_;
  const std::thread::id thread_ = std::this_thread::get_id();
  mutable Time now_;
  mutable bool now_is_stale_ = true;
  std::unique_ptr<Backend> backend_;
  Gate gate_;
  Table table_;
  Timers timers_;
  DatagramPorts datagrams_;
  Mailbox mailbox_;
  std::unordered_map<std::uint64_t, std::unique_ptr<Listener>> listeners_;
  std::unordered_map<std::uint64_t, std::unique_ptr<Watcher>> watchers_;
  // Until nothing can be inside their callbacks.
  std::vector<std::unique_ptr<Listener>> unlistened_;
  std::vector<std::unique_ptr<Watcher>> unwatched_;
  std::uint64_t last_id_ = 0;
  std::uint32_t last_local_peer_ = 0;
  std::size_t with_protocol_ = 0;
  std::function<void(std::exception_ptr)> error_handler_;

  // The connection whose protocol is being called, and how much it has published in this call.
  Connection* current_ = nullptr;
  std::size_t published_ = 0;

  Group* run_ = nullptr;
  std::size_t lagging_ = 0;             // how many connections are
  std::vector<TransportId> made_;       // to be told connection_made
  std::vector<Loss> losses_;            // to be told connection_lost
  std::vector<Connection*> pressured_;  // to be told pause_writing or resume_writing
  std::vector<TransportId> resuming_;   // to be told reading_resumed, in the next turn
  std::vector<TransportId> hungry_;     // whose producers are to be asked, in the next turn
  std::unordered_map<std::uint32_t, Producer*> producers_;  // by slot
  std::unordered_map<std::uint32_t, std::function<void(const Reason&)>> followers_;
  std::unordered_map<std::uint32_t, std::function<void(std::error_code)>>
      connecting_;  // who is told, by slot
  std::deque<Waiting> braked_;
  std::deque<Waiting> closing_;    // until close_timeout
  std::deque<Waiting> lingering_;  // until linger
  Time last_flush_{};
  bool urgent_ = false;  // something closes: the flush interval does not hold it back
  std::optional<Time> refusals_logged_;

  enum class Stage { running, before, draining, aborting };
  Stage stage_ = Stage::running;
  Time drain_until_{};
  std::vector<StopCall> triggers_;
  std::weak_ptr<void> held_;  // the present stage, by those who need time
};

}  // namespace parley
