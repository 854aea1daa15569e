#pragma once

#include <cstddef>

#include "parley/server/local.h"
#include "parley/server/request_threads.h"
#include "parley/server/tcp.h"
#include "parley/server/udp.h"

namespace parley {

// Serves each request on a thread of its own: `ThreadingMixIn<TcpServer> server({"", 2525}, handler<Hello>)`.
//
// Handlers, `process_request_thread`, `finish_request`, `shutdown_request`, `close_request` and
// `handle_error` run on the request's thread, several at a time: what they share has to be locked. A
// thread never outlives its server. A class derived from this that overrides any of them calls
// `server_close` in its destructor, so that none of its threads finds it half gone.
template <class Server>
class ThreadingMixIn : public Server {
  static_assert(
      !detail::HasStyle<Server>,
      "ThreadingMixIn takes a server that serves one request after another, such as TcpServer: this "
      "one has threads or processes already");

 public:
  using Server::Server;
  ~ThreadingMixIn() override {
    if (daemon_threads) threads_.end_connections();
    threads_.wait();
  }

  // Requests that are served at a time, and those that wait for one of these to be over. What comes then is
  // given to `refuse_request`; with `max_waiting` 0 there is no queue.
  std::size_t max_threads = 1000;
  std::size_t max_waiting = 1000;
  // Closing ends the connections that are still served, so that their handlers end soon, and forgets the
  // requests that wait: instead of letting them finish. It costs one more descriptor for each connection,
  // and is to be set before the first.
  bool daemon_threads = false;
  // `server_close` waits until all requests have been served; else the destructor does. A server of datagrams
  // waits in any case: its own socket is what they are answered from.
  bool block_on_close = true;

  void process_request(Request& request) override {
    if (!threads_.handle(request, {max_threads, max_waiting, daemon_threads})) refuse_request(request);
  }
  // What the request's thread does. What it throws goes to `handle_error`.
  virtual void process_request_thread(Request& request) { this->serve_and_close(request); }
  // There are too many. On the thread that serves: it must not take long.
  virtual void refuse_request(Request& request) { this->shutdown_request(request); }

  void server_close() override {
    if (!this->stop_serving()) return;
    if (daemon_threads) threads_.end_connections();
    if (this->socket().type() == Type::datagram) threads_.wait();
    Server::server_close();
    if (block_on_close) threads_.wait();
  }

  // Requests that are being served at this moment. Thread: any.
  std::size_t active_threads() const { return threads_.size(); }

 private:
  RequestThreads threads_{
      [this](Request& request) { this->attempt(request, [&] { process_request_thread(request); }); }};
};

using ThreadingTcpServer = ThreadingMixIn<TcpServer>;
using ThreadingUdpServer = ThreadingMixIn<UdpServer>;
using ThreadingUnixStreamServer = ThreadingMixIn<UnixStreamServer>;
using ThreadingUnixDatagramServer = ThreadingMixIn<UnixDatagramServer>;

}  // namespace parley
