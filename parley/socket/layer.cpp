#include "parley/socket/layer.h"

#include <algorithm>
#include <new>
#include <stdexcept>
#include <utility>

#include "parley/socket/fork_count.h"
#include "parley/socket/transfer.h"

namespace parley {

namespace {

constexpr Duration longest_farewell = std::chrono::seconds(10);

std::size_t send_without_waiting(int descriptor, std::string_view bytes) {
  const ssize_t sent = ::send(descriptor, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  return sent < 0 ? 0 : static_cast<std::size_t>(sent);
}

// A kernel that is full of what was sent before takes no more until the peer has received some of it.
void send_last(int descriptor, std::string_view words, std::optional<Duration> timeout) {
  const Deadline deadline(std::min(timeout.value_or(longest_farewell), longest_farewell));
  const bool waits = timeout != Duration::zero() && reactor_depth == 0;
  while (!words.empty()) {
    const ssize_t sent = ::send(descriptor, words.data(), words.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent >= 0) {
      words.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno != EINTR && (errno != EAGAIN || !waits || !wait_for(descriptor, POLLOUT, deadline))) {
      return;
    }
  }
}

// A kernel that closes a connection with something unread resets it, and the peer loses what it has not
// received. A layer has its own messages, which nobody may have had a reason to receive: tickets of TLS.
void drop_received(int descriptor) {
  char dropped[4096];
  for (int most = 16; most > 0 && ::recv(descriptor, dropped, sizeof dropped, MSG_DONTWAIT) > 0;) --most;
}

}  // namespace

SocketLayer::Call::Call(Socket& socket, std::string_view name, const Deadline& deadline, Flags how)
    : socket_(socket), name_(name), deadline_(deadline) {
  if (how.bits != 0) throw std::invalid_argument(concat(name, ": over TLS there are no flags"));
}

SocketLayer::Call::Call(Socket& socket, std::string_view name)
    : Call(socket, name, Deadline(socket.gettimeout())) {}

std::size_t SocketLayer::Call::receive(std::span<char> memory) const {
  return socket_.transfer({name_, POLLIN}, deadline_, [&] {
    return ::recv(socket_.fileno(), memory.data(), memory.size(), socket_.message_flags({}));
  });
}

void SocketLayer::Call::send(std::string_view& bytes) const {
  const Socket::Operation operation{name_, POLLOUT, {}, nullptr, whole_};
  while (!bytes.empty()) {
    bytes.remove_prefix(socket_.transfer(operation, deadline_, [&] {
      return ::send(socket_.fileno(), bytes.data(), bytes.size(), socket_.message_flags({}));
    }));
  }
}

std::size_t SocketLayer::Call::send_now(std::string_view bytes) const noexcept {
  return bytes.empty() ? 0 : send_without_waiting(socket_.fileno(), bytes);
}

Socket::Open::~Open() {
  if (!layer || !descriptor) return;
  const std::optional<std::string> words = layer->last_words();
  try {
    if (!words) {
      keep_for_ever(std::move(layer));
      return;
    }
    send_last(descriptor.get(), *words, timeout);
  } catch (const SocketError&) {  // it cannot be waited for
  } catch (const std::bad_alloc&) {
    return;
  }
  drop_received(descriptor.get());
}

void Socket::send_rest_through(std::string_view name, std::string_view& data, const Deadline& deadline,
                               Flags how) {
  SocketLayer::Call call(*this, name, deadline, how);
  call.whole_ = data.size();
  call.may_come_again_ = name != "sendall";
  do {
    data.remove_prefix(open_->layer->send(call, data));
  } while (!data.empty());
}

void Socket::require_no_layer(std::string_view operation) const {
  if (has_layer())
    throw std::logic_error(concat(operation, ": a socket over TLS has none: recv and sendall"));
}

}  // namespace parley
