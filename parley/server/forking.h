#pragma once

#include <cstddef>
#include <cstdlib>

#include "parley/server/children.h"
#include "parley/server/local.h"
#include "parley/server/tcp.h"
#include "parley/server/udp.h"

namespace parley {

// Serves each request in a process of its own: `ForkingMixIn<TcpServer> server({"", 2525}, handler<Hello>)`.
//
// The process is a copy of this one as it is at that moment: what a handler changes is changed in its copy
// alone, and gone with it. It leaves by _exit as soon as the request was served: with status 0, or 1 when
// something was thrown. In a process with several threads only the one that serves goes on in the copy,
// and a lock that another one held stays locked there: a handler keeps to what it made itself.
template <class Server>
class ForkingMixIn : public Server {
  static_assert(!detail::HasStyle<Server>,
                "ForkingMixIn takes a server that serves one request after another, such as TcpServer: this "
                "one has threads or processes already");

 public:
  using Server::Server;
  ~ForkingMixIn() override { children_.collect(block_on_close); }

  // Requests that are served at a time; the others wait in the kernel. 0 counts as 1.
  std::size_t max_children = 40;
  // `server_close` and the destructor wait until all requests have been served; else they are left alone.
  bool block_on_close = true;

  void process_request(Request& request) override {
    children_.start([&] { return this->serve_and_close(request) ? EXIT_SUCCESS : EXIT_FAILURE; },
                    max_children);
    this->close_request(request);
  }

  void server_close() override {
    if (!this->stop_serving()) return;
    Server::server_close();
    children_.collect(block_on_close);
  }

  // Requests that are being served at this moment, as far as the loop has been told. Thread: any.
  std::size_t active_children() const { return children_.size(); }

 private:
  Children children_{*this};
};

using ForkingTcpServer = ForkingMixIn<TcpServer>;
using ForkingUdpServer = ForkingMixIn<UdpServer>;
using ForkingUnixStreamServer = ForkingMixIn<UnixStreamServer>;
using ForkingUnixDatagramServer = ForkingMixIn<UnixDatagramServer>;

}  // namespace parley
