#pragma once

#include <concepts>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "parley/base/clock.h"
#include "parley/base/limits.h"
#include "parley/base/move_only_function.h"
#include "parley/process/signals.h"
#include "parley/process/thread_pool.h"
#include "parley/reactor/backend.h"
#include "parley/reactor/connector.h"
#include "parley/reactor/datagram.h"
#include "parley/reactor/detached.h"
#include "parley/reactor/entry_id.h"
#include "parley/reactor/protocol.h"
#include "parley/reactor/resolver.h"
#include "parley/reactor/settings.h"
#include "parley/reactor/stopping.h"
#include "parley/reactor/threads/thread_call.h"
#include "parley/reactor/transport.h"
#include "parley/socket/address.h"

namespace parley {

class Connectors;
class Loop;
class Reactor;
class SignalHandlers;
class Socket;
struct Events;

// A call that waits for its time. A value: copies name the same call; it does not cancel when it goes,
// and must not be used after its reactor.
class Timer {
 public:
  Timer() = default;

  // Whether it has neither run nor been cancelled.
  bool active() const;
  // It will not run once this has returned. No error when it has run already.
  void cancel();
  // Runs it `by` later than it would have.
  void delay(Duration by);
  // Runs it `after` from now. Neither does anything unless it is active.
  void reset(Duration after);

 private:
  friend class Reactor;
  Timer(Loop* loop, EntryId id) : loop_(loop), id_(id) {}

  Loop* loop_ = nullptr;
  EntryId id_;
};

// A foreign descriptor that is watched. A value, as Timer.
class Watching {
 public:
  Watching() = default;

  // Waits for something else from now on.
  void change(Interest wanted);
  // Its callback will not come again once this has returned. The descriptor stays the program's.
  void stop();

 private:
  friend class Reactor;
  Watching(Loop* loop, EntryId id) : loop_(loop), id_(id) {}

  Loop* loop_ = nullptr;
  EntryId id_;
};

// What is called when a signal comes. A value, as Timer.
class SignalHandler {
 public:
  SignalHandler() = default;

  // It will not be called any more. After the last one for a signal, the process does with that what it did
  // before.
  void stop();

 private:
  friend class SignalHandlers;
  SignalHandler(SignalHandlers* handlers, EntryId id) : handlers_(handlers), id_(id) {}

  SignalHandlers* handlers_ = nullptr;
  EntryId id_;
};

// A port that is listened at. A value, as Timer.
class ListeningPort {
 public:
  ListeningPort() = default;

  // The real address: with the port that the kernel chose where 0 was asked for.
  Address host() const;
  // The descriptor, for what nothing here does. It stays the reactor's, which alone accepts with it and
  // closes it. -1 where there is none: over the memory back end, and once it has stopped.
  int fileno() const;
  // Accepts no more. The connections that it has accepted live on.
  void stop_listening();

 private:
  friend class Reactor;
  ListeningPort(Loop* loop, EntryId id) : loop_(loop), id_(id) {}

  Loop* loop_ = nullptr;
  EntryId id_;
};

// Something to be called when the reactor stops. A value, as Timer.
class Trigger {
 public:
  Trigger() = default;

  // It will not be called any more.
  void remove();

 private:
  friend class Reactor;
  Trigger(Loop* loop, EntryId id) : loop_(loop), id_(id) {}

  Loop* loop_ = nullptr;
  EntryId id_;
};

// A loop that waits for everything a program waits for, and calls it: connections through their
// protocols, timers, foreign descriptors, calls from other threads.
//
// Thread: it is made, used and destroyed on one thread, `post`, `stop`, `running` and
// `blocking_call_from_thread` apart. A callback must not block: a blocking call of Parley inside one throws
// std::logic_error. What is to be called may be something that can only be moved; where it is empty,
// std::invalid_argument is thrown.
class Reactor {
 public:
  // What it waits with. `automatic` is the best one that the machine has.
  enum Kind : std::uint8_t { automatic, epoll, poll, select };

  explicit Reactor(Kind kind = automatic, ReactorSettings settings = {});
  // On a back end of one's own, made by `make` on this thread: for tests, above all.
  using MakeBackend = parley::MakeBackend;
  explicit Reactor(const MakeBackend& make, ReactorSettings settings = {});
  // Calls nobody: `run` has ended all connections. What is left (when it never ran) is dropped.
  ~Reactor();
  Reactor(const Reactor&) = delete;
  Reactor& operator=(const Reactor&) = delete;

  // Listens for TCP connections at a numeric address, and has `factory` make a protocol for each. No host
  // (`{"", 2626}`): every address of the machine, IPv6 and IPv4. Port 0: the kernel chooses. Throws
  // SocketError. It accepts as soon as the reactor runs. A factory that serves several ports is shared by
  // them.
  ListeningPort listen_tcp(const Address& address, std::shared_ptr<Factory> factory,
                           ListenSettings settings = {}) {
    return listen(address, std::move(factory), std::move(settings));
  }
  template <MakesProtocol F>
  ListeningPort listen_tcp(const Address& address, F make, ListenSettings settings = {}) {
    return listen(address, factory(std::move(make)), std::move(settings));
  }
  // The same for Unix stream sockets: `Address::local(path)`. The path must not exist, unless a socket
  // that nobody listens at any more has left it there; it is removed when listening stops. Peers are
  // numbered as they come.
  ListeningPort listen_unix(const Address& address, std::shared_ptr<Factory> factory,
                            ListenSettings settings = {}) {
    return listen(address, std::move(factory), std::move(settings));
  }
  template <MakesProtocol F>
  ListeningPort listen_unix(const Address& address, F make, ListenSettings settings = {}) {
    return listen(address, factory(std::move(make)), std::move(settings));
  }

  // Receives and sends datagrams over UDP, for `protocol`. No host: every address of the machine, IPv6 and
  // IPv4. Port 0: the kernel chooses. Throws SocketError, AddressError.
  DatagramPort listen_udp(const Address& address, std::unique_ptr<DatagramProtocol> protocol,
                          const DatagramSettings& settings = {});
  // The same, connected to one peer: `DatagramTransport::connect` says what that means.
  DatagramPort connect_udp(const Address& peer, std::unique_ptr<DatagramProtocol> protocol,
                           const DatagramSettings& settings = {});
  // The same for Unix sockets. A path must not exist, unless a socket that nobody reads any more has left it
  // there; it is removed when the port ends.
  DatagramPort listen_unix_datagram(const Address& address, std::unique_ptr<DatagramProtocol> protocol);
  DatagramPort connect_unix_datagram(const Address& peer, std::unique_ptr<DatagramProtocol> protocol,
                                     const DatagramSettings& settings = {});

  // Connects to an endpoint, whose host may be a name: to the first of its addresses that answers (RFC 8305).
  // `factory` makes the protocol when that is done, and is told of it if it is a ClientFactory. Throws
  // AddressError for an endpoint that cannot be; everything else that goes wrong is told from the loop. While
  // the reactor stops, what is half made is given up.
  Connector connect_tcp(const Endpoint& to, std::shared_ptr<Factory> factory, ConnectSettings settings = {}) {
    return connect(to, std::move(factory), std::move(settings));
  }
  template <MakesProtocol F>
  Connector connect_tcp(const Endpoint& to, F make, ConnectSettings settings = {}) {
    return connect(to, factory(std::move(make)), std::move(settings));
  }
  // The same for a Unix stream socket: `Address::local(path)`. A full queue is waited for.
  Connector connect_unix(const Address& to, std::shared_ptr<Factory> factory, ConnectSettings settings = {}) {
    return connect(to, std::move(factory), std::move(settings));
  }
  template <MakesProtocol F>
  Connector connect_unix(const Address& to, F make, ConnectSettings settings = {}) {
    return connect(to, factory(std::move(make)), std::move(settings));
  }

  // Has names looked up by another resolver from now on. The one before lives on until the reactor goes.
  void install_resolver(std::unique_ptr<Resolver> resolver);
  // The resolver, for looking up a name oneself.
  Resolver& resolver();

  // Listens with a stream socket that listens already: one that was inherited, above all. Of its
  // ListenOptions, those hold that say what an accepted connection begins with; whatever else the socket was
  // set to stays. Throws SocketError where it does not listen, is no stream, or an option is out of range. A
  // path that it has in the file system is left there.
  ListeningPort adopt_port(Socket listening, std::shared_ptr<Factory> factory, ListenSettings settings = {});

  // Makes a connection of a stream socket that is connected already, and calls the protocol's
  // `connection_made` soon. Answers its name. Throws SocketError where it is not connected, or no stream.
  // With `wrap`: under a filter.
  TransportId adopt(Socket connected, std::unique_ptr<Protocol> protocol, const Wrap& wrap = {});
  // Goes on with a connection that has left another reactor: what was queued there is sent first, what was
  // received and not delivered there is delivered first. With `wrap`: under a filter, through which all goes
  // but what was queued.
  TransportId adopt(Detached detached, std::unique_ptr<Protocol> protocol, const Wrap& wrap = {});
  // Gives a connection away in the middle of whatever it does. Its protocol is told `connection_lost` with
  // Reason::Kind::detached; then `then` is called from the loop with all that there is of it, for another
  // reactor's `adopt`, say. Throws std::logic_error for a connection that has ended or is ending, that has a
  // producer, or that stands under filters, which may hold bytes that nobody else can make sense of.
  void detach(TransportId id, MoveOnlyFunction<void(Detached)> then);

  // Runs `call` once, `after` from this call (not before the next turn). Order: by time, then as added.
  Timer call_later(Duration after, MoveOnlyFunction<void()> call);
  // Runs `call` in the loop soon: Twisted's callFromThread. Thread: any. What is posted after `run`
  // has returned waits for the next `run`, or is dropped with the reactor.
  void post(MoveOnlyFunction<void()> call);
  // Runs `call` in the first turn of `run`, or in the next one if it runs already.
  void call_when_running(MoveOnlyFunction<void()> call) { post(std::move(call)); }
  // Calls `ready` in the loop whenever the descriptor is ready for what is wanted; errors and hang-ups
  // count as ready. The caller keeps the descriptor, and keeps it open until `stop`. One descriptor may be
  // watched several times, to read by one and to write by another.
  Watching watch(int descriptor, Interest wanted, MoveOnlyFunction<void(Interest)> ready);

  // Calls `call` in the loop whenever the signal has come: once, however often it came meanwhile. Several may
  // be called for one signal, in the order in which they were added; it is caught while there is one, also
  // while the reactor does not run. Throws std::logic_error where another reactor or Signals catches it.
  SignalHandler on_signal(Signal signal, MoveOnlyFunction<void()> call);
  SignalHandler on_signal(Signal signal, MoveOnlyFunction<void(Signal)> call);

  // Calls `work` in a thread of the pool, and then `then` in the loop, once, with an Outcome of what `work`
  // answers: that, or what it threw. When the reactor stops, what has not begun is dropped (`then` is told
  // ThreadPoolStopped), and what has begun is waited for as long as it drains; what takes longer still,
  // ~Reactor waits for, and `then` does not come. Throws ThreadPoolFull; ThreadPoolStopped while the reactor
  // stops.
  template <std::invocable Work, class Then>
  void call_in_thread(Work work, Then then) {
    begin_in_thread(std::make_shared<detail::ThreadCallOf<Work, Then>>(std::move(work), std::move(then)));
  }
  // The same where nothing is to come of it; what `work` throws is logged.
  template <std::invocable Work>
  void call_in_thread(Work work) {
    call_in_thread(std::move(work), [](auto outcome) { outcome.get(); });
  }
  // The pool for that; made when it is first used.
  ThreadPool& thread_pool();

  // Runs until `stop`. Every connection has ended, `connection_lost` included, when it returns. Throws
  // std::logic_error on another thread than the one that made the reactor, and inside a callback of a
  // reactor.
  void run();
  // Whether `run` has begun and has not returned. Thread: any.
  bool running() const;
  // Ends `run` in three phases: accepts no more; closes every connection as `lose_connection` does, for at
  // most `drain`; aborts what is left. Also before `run`, which then returns soon. Thread: any; the reactor
  // may go as soon as `run` has returned.
  void stop(Duration drain = std::chrono::seconds(5));
  // Calls `call` once when the reactor stops next: in the order in which they were added. One that needs
  // time takes a Hold and keeps it until it is done.
  Trigger on_stop(Stopping when, MoveOnlyFunction<void()> call);
  Trigger on_stop(Stopping when, MoveOnlyFunction<void(Hold)> call);
  // One turn: waits at most `patience`, handles what has happened, flushes. For tests and for loops of
  // one's own; `run` is made of it. It does not wait where something was due already. After `stop`: answers
  // false once everything has ended. Throws std::logic_error inside a callback of a reactor.
  bool turn(Duration patience);

  // The transport of a connection that is alive; null once it is gone.
  Transport* find(TransportId id) const;
  // Connections that have a protocol.
  std::size_t connections() const;
  // The loop's time: the clock's, read once per turn. In a callback that has worked for long it is late;
  // delays are counted from the clock's own.
  Time now() const;
  // The clock itself.
  const Clock& clock() const;
  // What it was made with: how far what can grow may grow.
  const Limits& limits() const;

  // Receives what a handler let escape, after its connection was aborted and it was logged.
  void on_error(MoveOnlyFunction<void(std::exception_ptr)> handler);

  // For the reactor's own parts.
  Loop& loop() const { return *loop_; }
  Events& events() { return *events_; }

 private:
  ListeningPort listen(const Address& address, std::shared_ptr<Factory> factory, ListenSettings settings);

  Connector connect(const Endpoint& to, std::shared_ptr<Factory> factory, ConnectSettings settings);

  void begin_in_thread(std::shared_ptr<detail::ThreadCall> call);

  std::unique_ptr<Events> events_;
  std::unique_ptr<Connectors> connectors_;  // protocols may still hold connectors when the loop goes
  std::unique_ptr<Loop> owned_loop_;
  Loop* loop_;  // also while it goes, when protocols may still call: with libc++ owned_loop_ is null by then
};

}  // namespace parley
