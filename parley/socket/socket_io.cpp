#include <memory>
#include <sys/uio.h>

#include "parley/socket/layer.h"
#include "parley/socket/packet_info.h"
#include "parley/socket/sockaddr.h"
#include "parley/socket/transfer.h"

namespace parley {

namespace {
constexpr std::size_t on_stack = 64 * 1024;
}

void Socket::fail(const Operation& operation, int error) const {
  if (operation.whom == nullptr || error == EAGAIN) fail(operation.name, error, operation.advice());
  throw SocketError(operation.name, concat(*operation.whom), {error, std::system_category()});
}

void Socket::fail_late(const Operation& operation) const {
  std::optional<Duration> after = gettimeout();
  if (!after)
    after = getsockopt(operation.events == POLLIN ? options::receive_timeout : options::send_timeout);
  throw Timeout(operation.name, where(), after.value_or(Duration::zero()), operation.advice());
}

// A string cannot be made without writing all of it once: what is received is copied into one of its
// length, which costs nothing beside zeroing the 64 KiB that a small read does not fill.
std::string Socket::recv(std::size_t size, Flags how) {
  if (size <= on_stack) {
    char memory[on_stack];
    return std::string(memory, std::min(recv_into({memory, size}, how), size));
  }
  const auto memory = std::make_unique_for_overwrite<char[]>(size);
  return std::string(memory.get(), std::min(recv_into({memory.get(), size}, how), size));
}

std::size_t Socket::recv_into(std::span<char> memory, Flags how) {
  return receive("recv", memory, Deadline(gettimeout()), how);
}

std::size_t Socket::receive(std::string_view operation, std::span<char> memory, const Deadline& deadline,
                            Flags how) {
  if (has_layer()) return open_->layer->receive(SocketLayer::Call(*this, operation, deadline, how), memory);
  return transfer({operation, POLLIN, how}, deadline,
                  [&] { return ::recv(fileno(), memory.data(), memory.size(), message_flags(how)); });
}

std::pair<std::string, Address> Socket::recvfrom(std::size_t size, Flags how) {
  const auto memory = std::make_unique_for_overwrite<char[]>(size);
  auto [received, sender] = recvfrom_into({memory.get(), size}, how);
  return {std::string(memory.get(), std::min(received, size)), std::move(sender)};
}

std::pair<std::size_t, Address> Socket::recvfrom_into(std::span<char> memory, Flags how) {
  require_no_layer("recvfrom");
  RawAddress raw;
  const std::size_t received = transfer({"recvfrom", POLLIN, how}, Deadline(gettimeout()), [&] {
    raw.size = sizeof raw.storage;
    return ::recvfrom(fileno(), memory.data(), memory.size(), message_flags(how), raw.data(), &raw.size);
  });
  return {received, from_raw(raw)};
}

std::size_t Socket::send(std::string_view data, Flags how) {
  if (has_layer()) {
    return open_->layer->send(SocketLayer::Call(*this, "send", Deadline(gettimeout()), how), data);
  }
  return transfer({"send", POLLOUT, how}, Deadline(gettimeout()),
                  [&] { return ::send(fileno(), data.data(), data.size(), message_flags(how)); });
}

void Socket::sendall(std::string_view data, Flags how) {
  send_rest("sendall", data, Deadline(gettimeout()), how);
}

void Socket::send_rest(std::string_view name, std::string_view& data, const Deadline& deadline, Flags how) {
  if (has_layer()) return send_rest_through(name, data, deadline, how);
  const Operation operation{name, POLLOUT, how, nullptr, data.size()};
  do {
    data.remove_prefix(transfer(
        operation, deadline, [&] { return ::send(fileno(), data.data(), data.size(), message_flags(how)); }));
  } while (!data.empty());
}

std::size_t Socket::sendto(std::string_view data, const Address& address, Flags how) {
  require_no_layer("sendto");
  // The kernel sends no datagram of IPv4 from a socket that takes IPv6 alone: that is asked once it has
  // refused.
  const bool refuses = type_ == Type::datagram;
  RawAddress raw = refuses ? to_raw(address, family_) : raw_address(address);
  const Operation operation{"sendto", POLLOUT, how, &address};
  try {
    if (source_.family != Family::unspecified) {
      PacketControl control{};
      iovec piece{.iov_base = const_cast<char*>(data.data()), .iov_len = data.size()};
      msghdr header{};
      header.msg_name = raw.data();
      header.msg_namelen = raw.size;
      header.msg_iov = &piece;
      header.msg_iovlen = 1;
      attach(leaving_from(source_, family_), header, control);
      return transfer(operation, Deadline(gettimeout()),
                      [&] { return ::sendmsg(fileno(), &header, message_flags(how)); });
    }
    return transfer(operation, Deadline(gettimeout()), [&] {
      const ssize_t sent =
          ::sendto(fileno(), data.data(), data.size(), message_flags(how), raw.data(), raw.size);
      if (sent < 0 && errno == EINPROGRESS) {  // fast_open: it connects, and has sent nothing yet
        how.bits &= ~MSG_FASTOPEN;
        errno = EAGAIN;
      }
      return sent;
    });
  } catch (const SocketError&) {
    if (refuses) (void)raw_address(address);
    throw;
  }
}

}  // namespace parley
