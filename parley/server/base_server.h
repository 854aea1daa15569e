#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>

#include "parley/base/clock.h"
#include "parley/server/handlers.h"
#include "parley/server/request.h"
#include "parley/socket/address.h"
#include "parley/socket/family.h"
#include "parley/socket/socket.h"

namespace parley {

// How a server's socket is made and bound.
struct ServerSettings {
  // None: the address's own, IPv4 for any address.
  std::optional<Family> address_family{};
  // None: the server's own, a stream or datagrams. Type::seqpacket does for a UnixStreamServer. The
  // constructor throws std::invalid_argument for datagrams where there are to be connections, and the other
  // way round.
  std::optional<Type> socket_type{};
  // Connections that the kernel holds until they are accepted; it caps it.
  int request_queue_size = 128;
  // Bind although connections of an earlier server still linger on the port. None: streams do, datagrams
  // do not, which would share their port with another server.
  std::optional<bool> allow_reuse_address{};
  bool allow_reuse_port = false;  // several servers on one port
  bool dualstack_ipv6 = false;    // an IPv6 server takes IPv4 as well
  // Whether the constructor binds and listens. A class that overrides `server_bind` or `server_activate`
  // hands on false, and calls `bind_and_activate` in its own constructor: before that it is not there.
  bool bind_and_activate = true;
};

// What all servers have in common: they wait for a request, make a handler, and let it answer. The
// functions that a class may override have Python's names and are called in this order for each request:
// `get_request`, `verify_request`, `process_request` (which a mix-in carries elsewhere), `finish_request`,
// `shutdown_request`.
//
// One thread serves. From others, and from handlers, come `shutdown`, `server_close` and what does not change
// anything: `server_address`, and `fileno` while nobody closes the server. It must be at rest when it is
// destroyed. A copy that a fork has made serves for itself: `shutdown` and `server_close` there end and close
// the copy alone.
class BaseServer {
 public:
  BaseServer(const BaseServer&) = delete;
  BaseServer& operator=(const BaseServer&) = delete;
  virtual ~BaseServer();

  // How long `handle_request` waits; none: for ever. It throws std::invalid_argument when this is negative.
  std::optional<Duration> timeout{};

  // Serves until `shutdown`. `poll_interval`: how long `service_actions` waits at most to be called
  // when there is nothing to do; none: for ever. Throws std::logic_error when it is being served already
  // (or inside a reactor's callback), std::invalid_argument when the interval is negative, SocketError when
  // the server is closed, and what `handle_error` throws.
  void serve_forever(std::optional<Duration> poll_interval = std::nullopt);

  // Serves one request; or calls `handle_timeout` when none came within `timeout`. `shutdown` ends it too.
  // Throws as serve_forever does.
  void handle_request();

  // Ends `serve_forever` at once, and waits until it has returned; a request that it is serving itself is
  // finished first. In a handler, on whichever thread, and on the thread that serves it waits for nothing; in
  // a handler's own process it ends the parent's. When nothing is being served, the next `serve_forever`
  // returns at once. Thread: any.
  void shutdown();

  // Both of the following, for a server that was made with `bind_and_activate` false. What fails closes it.
  void bind_and_activate();
  // Binds the socket to the address. Throws SocketError.
  virtual void server_bind();
  // Begins to listen, where there is something to listen for.
  virtual void server_activate() {}
  // Closes the socket; nothing is served afterwards. Closing again is no error. While another thread serves,
  // that one is ended first, as by `shutdown`. In a handler it only asks: the thread that serves calls
  // `server_close` when it has finished the request that it serves itself, before `serve_forever` (or
  // `handle_request`) returns; where nobody serves, the next to call these does. In a handler's own process
  // it closes that one's part. A class that overrides this lets `stop_serving` come first. Thread: any.
  virtual void server_close();

  // What it is bound to: the real port where 0 was asked for.
  const Address& server_address() const { return address_; }
  Socket& socket() { return socket_; }
  // For `select`: a request is there when it can be read. -1 when closed. Not beside a thread that closes the
  // server: the number may be another descriptor's by the time it is used.
  int fileno() const { return socket_.fileno(); }

  // The next request. It is there already, mostly; where it is not, WouldBlock is passed over. What
  // else it throws is logged, and the server goes on.
  virtual Request get_request() = 0;
  // False: the request is closed, and nothing else is done about it.
  virtual bool verify_request(const Request&) { return true; }
  // Serves the request here and now. What it throws goes to `handle_error`, and the request is closed.
  virtual void process_request(Request& request);
  // Makes a handler, and lets it serve. Throws std::logic_error when the factory is empty or answers none.
  virtual void finish_request(Request& request);
  // Ends a request that was served or refused: closes it.
  virtual void shutdown_request(Request& request) { close_request(request); }
  // Closes this process's part in a request.
  virtual void close_request(Request& request);

  // No request came within `timeout`.
  virtual void handle_timeout() {}
  // A request failed: says so in the log. It is told on the thread that served the request, within a catch
  // block, so that `throw;` throws what was caught.
  virtual void handle_error(const Request& request, const std::exception_ptr& error);
  // Called after each request and each wait of `serve_forever`, on the thread that serves.
  virtual void service_actions() {}

 protected:
  BaseServer(const Address& address, HandlerFactory make_handler, const ServerSettings& settings,
             Type socket_type);

  const ServerSettings& settings() const { return settings_; }

  // What `server_close` begins with. True: nobody serves any more, nor ever again, and the caller may close
  // what is served with. False: this is a handler, and the thread that serves will call `server_close`.
  bool stop_serving();

  // For the mix-ins. `ready` is called on the thread that serves whenever the descriptor can be read.
  void watch(int descriptor, std::function<void()> ready);
  void unwatch(int descriptor);
  // Whether requests are taken at this time; the others wait in the kernel.
  void take_requests(bool take) { taking_ = take; }
  // In a handler's own process: lets go of what is the server's alone.
  void leave_to_parent() noexcept;
  // Takes a step in serving a request; what it throws is told to handle_error. True when all is well.
  bool attempt(const Request& request, const std::function<void()>& step) noexcept;
  // The same for finish_request, and for shutdown_request then.
  bool serve_and_close(Request& request) noexcept;

 private:
  friend class Children;

  struct Loop;
  class Serving;
  enum class Woken { shutdown, request, timeout };

  Loop& own_loop();
  void serve(std::string_view operation, const std::function<void(Serving&)>& body);
  bool is_open();
  void close_if_asked();
  void require_open(std::string_view operation);
  Woken wait(std::optional<Time> until);
  void watch_listener(bool wanted);
  void handle_one();
  void request_failed(const std::exception_ptr& error);
  std::optional<Request> next_request();

  const HandlerFactory make_handler_;
  const ServerSettings settings_;
  Address address_;
  Socket socket_;
  bool taking_ = true;
  bool forked_ = false;               // a handler's own process
  std::atomic<std::uint32_t> forks_;  // before which the loop was made
  std::unique_ptr<Loop> loop_;
};

namespace detail {

// A server whose requests a mix-in already carries elsewhere: a second one would never be asked.
template <class Server>
concept HasStyle = requires(const Server& server) { server.active_threads(); } ||
                   requires(const Server& server) { server.active_children(); };

}  // namespace detail

}  // namespace parley
