#pragma once

// Private to the library: what may stand between a Socket's calls and the kernel, as TLS does.

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "parley/socket/socket.h"
#include "parley/socket/waiting.h"

namespace parley {

// A Socket that has one receives and sends through it; so do the files made of it, which share it. One thread
// may receive while another sends.
class SocketLayer {
 public:
  // One call of the socket's user: what a layer reaches the kernel by, within the call's deadline.
  class Call {
   public:
    // Throws std::invalid_argument for flags: those are the kernel's.
    Call(Socket& socket, std::string_view name, const Deadline& deadline, Flags how = {});
    Call(Socket& socket, std::string_view name);

    std::string_view name() const { return name_; }
    std::string where() const { return socket_.where(); }
    // Whether what failed may be tried again with the same bytes; `sendall` says it may not.
    bool may_come_again() const { return may_come_again_; }

    // What came, as soon as there is any; 0: the end. Throws as Socket::recv does.
    std::size_t receive(std::span<char> memory) const;
    // Sends all of `bytes`, and takes from it what was sent, also when it throws as Socket::sendall does.
    void send(std::string_view& bytes) const;
    // What the kernel takes without waiting: none of it where that has failed.
    std::size_t send_now(std::string_view bytes) const noexcept;

   private:
    friend Socket;

    Socket& socket_;
    std::string_view name_;
    Deadline deadline_;
    std::size_t whole_ = 0;
    bool may_come_again_ = true;
  };

  SocketLayer() = default;
  SocketLayer(const SocketLayer&) = delete;
  SocketLayer& operator=(const SocketLayer&) = delete;
  virtual ~SocketLayer() = default;

  // As Socket::recv and Socket::send, for which these stand.
  virtual std::size_t receive(const Call& call, std::span<char> memory) = 0;
  virtual std::size_t send(const Call& call, std::string_view data) = 0;
  // Comes before the kernel's own.
  virtual void shutdown(const Call& call, Shutdown how) = 0;
  // What is sent before the descriptor is closed; nothing: it is another process's to close, and the layer
  // stays for ever as the fork has left it, with whatever lock. What was not received is dropped then. Where
  // the kernel has no room for it, that is waited for, as long as the timeout says and 10 seconds at most;
  // not where the socket does not block, or in a reactor's callback.
  virtual std::optional<std::string> last_words() noexcept = 0;

  // Null: there is none.
  static SocketLayer* of(const Socket& socket) {
    return socket.has_layer() ? socket.open_->layer.get() : nullptr;
  }
  // Puts it into a socket that is open; null takes away what there is.
  static void put(Socket& socket, std::shared_ptr<SocketLayer> layer) {
    socket.open_->layer = std::move(layer);
  }
};

}  // namespace parley
