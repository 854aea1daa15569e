#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "parley/base/clock.h"
#include "parley/server/request.h"
#include "parley/socket/file.h"
#include "parley/socket/socket.h"

namespace parley {

class BaseServer;

// What is done about one request. Each request gets an object of its own, which is gone when it has been
// answered. `setup`, `handle` and `finish` are called in this order, on the thread (or in the process)
// that the server's style gives it; `finish` also when `handle` has thrown, but not when `setup` has. What
// they throw goes to the server's `handle_error`, and ends this request alone.
class BaseRequestHandler {
 public:
  BaseRequestHandler() = default;
  BaseRequestHandler(const BaseRequestHandler&) = delete;
  BaseRequestHandler& operator=(const BaseRequestHandler&) = delete;
  virtual ~BaseRequestHandler() = default;

  // The server's part: serves one request with this object, which then has served. Both must outlive it.
  void serve(Request& request, BaseServer& server);

 protected:
  virtual void setup() {}
  virtual void handle() = 0;
  virtual void finish() {}

  // What follows is there from `setup` on, not yet in a constructor.

  // The connection; of a datagram the server's own socket, with which an answer is sent by `sendto`. It
  // leaves from the address that the datagram was sent to.
  Socket& request() const { return *socket_; }
  // The datagram; empty for a connection.
  std::string_view packet() const { return request_->packet; }
  const Address& client_address() const { return request_->client_address; }
  BaseServer& server() const { return *server_; }

 private:
  // Throws std::logic_error where it is not for requests of this kind.
  virtual void require_kind(const Request&) const {}

  Request* request_ = nullptr;
  Socket* socket_ = nullptr;
  std::optional<Socket> answering_;  // of a datagram that asked one of several addresses
  BaseServer* server_ = nullptr;
};

// Makes the handler for one request. Called on the request's own thread, or in its own process: what it
// captures is shared between threads.
using HandlerFactory = std::function<std::unique_ptr<BaseRequestHandler>()>;

// The factory for handlers that need nothing: `TcpServer server({"", 2525}, handler<Hello>)`. Others are
// made by a lambda: `[&] { return std::make_unique<Greeter>(greeting); }`.
template <class Handler>
std::unique_ptr<BaseRequestHandler> handler() {
  return std::make_unique<Handler>();
}

// A handler that reads and writes a connection like a file. A class of its own that overrides `setup` or
// `finish` calls these. A datagram is none: that is a std::logic_error for `handle_error`.
class StreamRequestHandler : public BaseRequestHandler {
 protected:
  // To be set before `setup`, in a constructor, say.
  std::optional<Duration> timeout{};     // for each wait; none: the connection's own
  bool disable_nagle_algorithm = false;  // small writes leave at once (options::no_delay)
  std::size_t rbufsize = 8192;           // asked of the kernel at a time; 0: no more than is read
  std::size_t wbufsize = 0;  // collected before it is sent, at the latest at the end; 0: sent at once

  void setup() override;
  // Sends what is left in `wfile`, and closes both files. That the client is gone is no error any more.
  void finish() override;

  // The connection, and as files. A file costs nothing before it is used.
  Socket& connection() const { return request(); }
  SocketFile& rfile();
  SocketFile& wfile();

 private:
  void require_kind(const Request& request) const override;

  std::optional<SocketFile> rfile_;
  std::optional<SocketFile> wfile_;
};

// A handler that reads one datagram like a file, and writes its one answer. A connection is no datagram: that
// is a std::logic_error for `handle_error`.
class DatagramRequestHandler : public BaseRequestHandler {
 protected:
  // The datagram, to be read once.
  class Reader {
   public:
    // What is left; or at most `size` bytes of it.
    std::string read(std::size_t size = std::string::npos);
    // A line with its '\n', or the rest without; empty at the end.
    std::string readline();

   private:
    friend DatagramRequestHandler;
    std::string_view rest_;
  };
  // The answer.
  class Writer {
   public:
    void write(std::string_view data) { answer_ += data; }

   private:
    friend DatagramRequestHandler;
    std::string answer_;
  };

  void setup() override;
  // Sends the answer, empty or not; a client without an address gets none.
  void finish() override;

  Socket& socket() const { return request(); }
  Reader& rfile() { return rfile_; }
  Writer& wfile() { return wfile_; }

 private:
  void require_kind(const Request& request) const override;

  Reader rfile_;
  Writer wfile_;
};

}  // namespace parley
