#include "parley/server/base_server.h"

#include <algorithm>
#include <condition_variable>
#include <map>
#include <mutex>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "parley/base/log.h"
#include "parley/socket/blocking.h"
#include "parley/socket/fork_count.h"
#include "parley/socket/opening.h"
#include "parley/socket/poller.h"

namespace parley {

namespace {

// A listener that cannot have a descriptor for the next connection would be ready for ever.
constexpr Duration rest = std::chrono::milliseconds(100);
constexpr int most_failures_in_a_row = 16;  // beyond it there is something wrong with the server itself

bool is_shortage(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const std::system_error& shortage) {
    const std::error_code& code = shortage.code();
    return code == std::errc::too_many_files_open || code == std::errc::too_many_files_open_in_system ||
           code == std::errc::no_buffer_space || code == std::errc::not_enough_memory;
  } catch (const std::bad_alloc&) {
    return true;
  } catch (...) {
    return false;
  }
}

// Far enough away, and not so far that it cannot be added up.
constexpr Duration longest = std::chrono::hours(24 * 365 * 100);

std::optional<Time> end_of(std::string_view operation, std::optional<Duration> timeout) {
  if (!timeout) return std::nullopt;
  if (*timeout < Duration::zero()) {
    throw std::invalid_argument(concat(operation, ": the time to wait is negative"));
  }
  return system_clock().now() + std::min(*timeout, longest);
}

std::string words_of(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& known) {
    return known.what();
  } catch (...) {
    return "an exception that is no std::exception";
  }
}

Family family_for(const Address& address, const ServerSettings& settings) {
  if (settings.address_family) return *settings.address_family;
  if (address.family() != Family::unspecified) return address.family();
  return settings.dualstack_ipv6 ? Family::inet6 : Family::inet;
}

Type type_for(Type own, const ServerSettings& settings) {
  const auto connects = [](Type type) { return type == Type::stream || type == Type::seqpacket; };
  const Type type = settings.socket_type.value_or(own);
  if (connects(type) == connects(own)) return type;
  throw std::invalid_argument(concat("socket_type: a server of ", connects(own) ? "connections" : "datagrams",
                                     " cannot have a socket of type ", type));
}

enum class Doing { serving, handling };

// Stands while this thread serves, or deals with a request. Not a thread's id: in the child of a fork a new
// thread may have that of one of the parent's.
class ThreadMark {
 public:
  ThreadMark(const BaseServer& server, Doing what) : server_(server), what_(what), outer_(innermost) {
    innermost = this;
  }
  ~ThreadMark() { innermost = outer_; }
  ThreadMark(const ThreadMark&) = delete;
  ThreadMark& operator=(const ThreadMark&) = delete;

  static bool on_this_thread(const BaseServer& server, Doing what) {
    for (const ThreadMark* each = innermost; each != nullptr; each = each->outer_) {
      if (&each->server_ == &server && each->what_ == what) return true;
    }
    return false;
  }

 private:
  static thread_local const ThreadMark* innermost;
  const BaseServer& server_;
  const Doing what_;
  const ThreadMark* const outer_;
};

thread_local const ThreadMark* ThreadMark::innermost = nullptr;

constinit std::mutex renewing;  // held in the child of a fork alone

}  // namespace

// What the thread that serves waits with, and how others end it.
struct BaseServer::Loop {
  Loop() {
    const int descriptor = wakeup.descriptor();
    poller->update(descriptor, Interest::read, static_cast<std::uint64_t>(descriptor));
  }

  // Poll keeps nothing in the kernel that a child process would share.
  std::unique_ptr<Poller> poller = make_poller(PollerKind::poll);
  std::map<int, std::function<void()>> watched;
  int listener = -1;  // the descriptor that is watched for requests
  std::optional<Time> rests_until;
  int failures = 0;  // of get_request, in a row

  // It can be read from `shutdown` until that was heeded: also by a handler's own process, which has
  // no other way to tell.
  Wakeup wakeup;
  std::mutex mutex;
  std::condition_variable ended;
  bool served = false;
  unsigned long times_ended = 0;
  std::atomic<bool> closing = false;      // nobody is to serve any more
  std::atomic<bool> close_asked = false;  // by a handler
};

// Stands while a thread serves.
class BaseServer::Serving {
 public:
  Serving(BaseServer& server, std::string_view operation) : server_(server) {
    require_blocking_allowed(operation);
    Loop& loop = server.own_loop();
    const std::lock_guard lock(loop.mutex);
    if (loop.served || ThreadMark::on_this_thread(server, Doing::handling)) {
      throw std::logic_error(concat(operation, ": the server is being served already"));
    }
    loop.served = true;
    mark_.emplace(server, Doing::serving);
  }
  ~Serving() {
    Loop& loop = server_.own_loop();
    const std::lock_guard lock(loop.mutex);
    if (heeds_) loop.wakeup.clear();
    loop.served = false;
    ++loop.times_ended;
    loop.ended.notify_all();
  }
  Serving(const Serving&) = delete;
  Serving& operator=(const Serving&) = delete;

  void heed_shutdown() { heeds_ = true; }

 private:
  BaseServer& server_;
  std::optional<ThreadMark> mark_;
  bool heeds_ = false;
};

BaseServer::BaseServer(const Address& address, HandlerFactory make_handler, const ServerSettings& settings,
                       Type socket_type)
    : make_handler_(std::move(make_handler)),
      settings_(settings),
      address_(address),
      socket_(family_for(address, settings), type_for(socket_type, settings)),
      forks_(fork_count()),
      loop_(std::make_unique<Loop>()) {}

BaseServer::~BaseServer() = default;

// In the child of a fork the wake-up and whoever holds the lock are the parent's: it begins anew, and leaves
// what was copied as it is. A handler's own process keeps them, to end its parent with.
BaseServer::Loop& BaseServer::own_loop() {
  if (forked_ || forks_.load(std::memory_order_acquire) == fork_count()) return *loop_;
  const std::lock_guard lock(renewing);
  if (forks_ == fork_count()) return *loop_;  // another thread was first
  const std::shared_ptr<const Loop> left = std::move(loop_);
  keep_for_ever(left);
  loop_ = std::make_unique<Loop>();
  loop_->served = ThreadMark::on_this_thread(*this, Doing::serving);  // a handler has forked, and goes on
  loop_->closing = left->closing.load();
  loop_->close_asked = left->close_asked.load();
  taking_ = true;
  forks_.store(fork_count(), std::memory_order_release);
  return *loop_;
}

void BaseServer::bind_and_activate() {
  try {
    server_bind();
    server_activate();
  } catch (...) {
    server_close();
    throw;
  }
}

void BaseServer::server_bind() {
  const bool stream = socket_.type() != Type::datagram;
  const Family family = socket_.family();
  if (settings_.dualstack_ipv6 && family != Family::inet6) {
    throw AddressError(concat(address_, " cannot be dual-stack: only any address and IPv6 ones can"));
  }
  const bool v6_only = !settings_.dualstack_ipv6;
  const std::error_code error =
      stream ? prepare_listening(
                   fileno(), family,
                   {.reuse_port = settings_.allow_reuse_port, .v6_only = v6_only, .no_delay = false})
             : prepare_datagram(fileno(), family,
                                {.reuse_port = settings_.allow_reuse_port,
                                 .listen_multiple = settings_.allow_reuse_address.value_or(false),
                                 .v6_only = v6_only});
  if (error) throw SocketError("setsockopt", concat(address_), error);
  if (stream && family != Family::local && !settings_.allow_reuse_address.value_or(true)) {
    socket_.setsockopt(options::reuse_addr, false);
  }
  socket_.bind(address_);
  address_ = socket_.getsockname();
}

bool BaseServer::stop_serving() {
  if (forked_) return true;
  Loop& loop = own_loop();
  std::unique_lock lock(loop.mutex);
  loop.closing = true;
  const bool elsewhere = loop.served && !ThreadMark::on_this_thread(*this, Doing::serving);
  const bool handling = ThreadMark::on_this_thread(*this, Doing::handling);
  if (handling) loop.close_asked = true;
  if (elsewhere) loop.wakeup.signal();
  if (handling) return false;
  if (elsewhere) loop.ended.wait(lock, [&loop] { return !loop.served; });
  return true;
}

void BaseServer::server_close() {
  if (!stop_serving()) return;
  if (forked_) return socket_.close();
  Loop& loop = own_loop();
  const std::lock_guard lock(loop.mutex);  // several threads may close it
  loop.close_asked = false;
  watch_listener(false);
  socket_.close();
}

void BaseServer::close_if_asked() {
  if (own_loop().close_asked) server_close();
}

bool BaseServer::is_open() {
  return !own_loop().closing && fileno() >= 0;
}

void BaseServer::require_open(std::string_view operation) {
  if (is_open()) return;
  throw SocketError(operation, "", std::make_error_code(std::errc::bad_file_descriptor),
                    "the server is closed");
}

void BaseServer::serve(std::string_view operation, const std::function<void(Serving&)>& body) {
  Serving serving(*this, operation);
  close_if_asked();
  require_open(operation);
  try {
    body(serving);
  } catch (...) {
    close_if_asked();
    throw;
  }
  close_if_asked();
}

void BaseServer::serve_forever(std::optional<Duration> poll_interval) {
  const std::string_view operation = "serve_forever";
  serve(operation, [&](Serving& serving) {
    while (is_open()) {  // a handler may close it
      const Woken woken = wait(end_of(operation, poll_interval));
      if (woken == Woken::shutdown) return serving.heed_shutdown();
      if (woken == Woken::request) handle_one();
      service_actions();
    }
  });
}

void BaseServer::handle_request() {
  const std::string_view operation = "handle_request";
  serve(operation, [&](Serving& serving) {
    switch (wait(end_of(operation, timeout))) {
      case Woken::shutdown:
        return serving.heed_shutdown();
      case Woken::request:
        return handle_one();
      case Woken::timeout:
        return handle_timeout();
    }
  });
}

void BaseServer::shutdown() {
  if (forked_) return loop_->wakeup.signal();  // the lock and the thread are the parent's
  Loop& loop = own_loop();
  std::unique_lock lock(loop.mutex);
  loop.wakeup.signal();
  if (!loop.served || ThreadMark::on_this_thread(*this, Doing::serving) ||
      ThreadMark::on_this_thread(*this, Doing::handling)) {
    return;  // it would wait for itself
  }
  loop.ended.wait(lock, [&loop, before = loop.times_ended] { return loop.times_ended != before; });
}

void BaseServer::watch(int descriptor, std::function<void()> ready) {
  own_loop();
  loop_->poller->update(descriptor, Interest::read, static_cast<std::uint64_t>(descriptor));
  loop_->watched[descriptor] = std::move(ready);
}

void BaseServer::unwatch(int descriptor) {
  own_loop();
  loop_->poller->remove(descriptor);
  loop_->watched.erase(descriptor);
}

void BaseServer::watch_listener(bool wanted) {
  const int descriptor = wanted ? fileno() : -1;
  if (descriptor == loop_->listener) return;
  if (loop_->listener >= 0) loop_->poller->remove(loop_->listener);
  if (descriptor >= 0) {
    loop_->poller->update(descriptor, Interest::read, static_cast<std::uint64_t>(descriptor));
  }
  loop_->listener = descriptor;
}

BaseServer::Woken BaseServer::wait(std::optional<Time> until) {
  own_loop();
  for (;;) {
    std::optional<Time> end = until;
    std::optional<Time>& rests_until = loop_->rests_until;
    if (rests_until && *rests_until <= system_clock().now()) rests_until.reset();
    if (rests_until) end = std::min(*rests_until, until.value_or(Time::max()));
    watch_listener(taking_ && !rests_until);
    const auto left = end ? std::optional(*end - system_clock().now()) : std::nullopt;
    bool request = false;
    bool shut = false;
    for (const Ready& ready : loop_->poller->wait(left)) {
      const int descriptor = static_cast<int>(ready.key);
      if (descriptor == loop_->wakeup.descriptor()) {
        shut = true;
      } else if (descriptor == loop_->listener) {
        request = true;
      } else if (const auto found = loop_->watched.find(descriptor); found != loop_->watched.end()) {
        const auto call = found->second;  // it may unwatch itself
        call();
      }
    }
    if (shut) return Woken::shutdown;
    if (request) return Woken::request;
    if (until && *until <= system_clock().now()) return Woken::timeout;
  }
}

std::optional<Request> BaseServer::next_request() {
  try {
    Request request = get_request();
    loop_->failures = 0;
    return request;
  } catch (const WouldBlock&) {  // whoever it was has left again
  } catch (...) {
    request_failed(std::current_exception());
  }
  return std::nullopt;
}

void BaseServer::request_failed(const std::exception_ptr& error) {
  const bool lasting = ++loop_->failures > most_failures_in_a_row;
  if (lasting || is_shortage(error)) loop_->rests_until = system_clock().now() + rest;
  if (lasting) return;  // it has been said often enough
  standard_log().write(Level::warn, concat(address_, ": no request taken: ", words_of(error)));
}

void BaseServer::handle_one() {
  std::optional<Request> request = next_request();
  if (!request) return;
  const ThreadMark handling(*this, Doing::handling);
  try {
    if (verify_request(*request)) return process_request(*request);
  } catch (...) {
    const std::exception_ptr error = std::current_exception();
    try {
      handle_error(*request, error);
    } catch (...) {
      shutdown_request(*request);
      throw;
    }
  }
  shutdown_request(*request);
}

void BaseServer::process_request(Request& request) {
  finish_request(request);
  shutdown_request(request);
}

void BaseServer::finish_request(Request& request) {
  if (!make_handler_) throw std::logic_error("the server has no handler: its HandlerFactory is empty");
  const std::unique_ptr<BaseRequestHandler> handler = make_handler_();
  if (!handler) throw std::logic_error("the server's HandlerFactory answered no handler");
  handler->serve(request, *this);
}

void BaseServer::close_request(Request& request) {
  if (request.connection) request.connection->close();
}

void BaseServer::handle_error(const Request& request, const std::exception_ptr& error) {
  standard_log().write(Level::error, concat("request of ", request.client_address, ": ", words_of(error)));
}

bool BaseServer::attempt(const Request& request, const std::function<void()>& step) noexcept {
  const ThreadMark handling(*this, Doing::handling);
  try {
    step();
    return true;
  } catch (...) {
    try {
      handle_error(request, std::current_exception());
    } catch (...) {  // there is nobody above who could be told
      standard_log().write(Level::error, "handle_error threw: " + words_of(std::current_exception()));
    }
    return false;
  }
}

bool BaseServer::serve_and_close(Request& request) noexcept {
  const bool served = attempt(request, [&] { finish_request(request); });
  return attempt(request, [&] { shutdown_request(request); }) && served;
}

void BaseServer::leave_to_parent() noexcept {
  forked_ = true;
  // A datagram is answered from the server's socket.
  if (socket_.type() != Type::datagram) socket_.close();
}

}  // namespace parley
