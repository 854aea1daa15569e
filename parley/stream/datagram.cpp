#include "parley/stream/datagram.h"

#include <stdexcept>
#include <system_error>

#include "parley/base/print.h"
#include "parley/socket/error.h"

namespace parley {

class DatagramSocket::Wire final : public DatagramProtocol {
 public:
  explicit Wire(DatagramSocket& socket) : socket_(&socket) {}
  ~Wire() override {
    if (socket_ != nullptr) socket_->wire_ = nullptr;
  }

  void datagram_received(std::span<char> lent, const Address& peer) override {
    if (socket_ != nullptr) socket_->arrived(Arrived(std::string(lent.data(), lent.size()), peer));
  }
  void connection_refused() override {
    if (socket_ == nullptr) return;
    const SocketError error("send", concat(transport().peer()),
                            std::make_error_code(std::errc::connection_refused));
    socket_->arrived(Arrived(std::make_exception_ptr(error)));
  }
  void error_received(const SocketError& error) override {
    if (socket_ != nullptr) socket_->arrived(Arrived(std::make_exception_ptr(error)));
  }
  void stop_protocol() override {
    if (socket_ != nullptr) std::exchange(socket_, nullptr)->stopped();
  }

  DatagramSocket* socket_;
};

DatagramSocket::DatagramSocket() = default;

DatagramSocket::DatagramSocket(const Address& address) {
  Reactor& reactor = current_reactor();
  port_ = address.family() == Family::local ? reactor.listen_unix_datagram(address, wire())
                                            : reactor.listen_udp(address, wire());
}

std::unique_ptr<DatagramSocket> DatagramSocket::connected(const Address& peer) {
  std::unique_ptr<DatagramSocket> socket(new DatagramSocket);
  Reactor& reactor = current_reactor();
  socket->port_ = peer.family() == Family::local ? reactor.connect_unix_datagram(peer, socket->wire())
                                                 : reactor.connect_udp(peer, socket->wire());
  return socket;
}

DatagramSocket::~DatagramSocket() {
  if (wire_ != nullptr) wire_->socket_ = nullptr;
  port_.stop_listening();
  if (receiving_ == nullptr) return;
  // The task goes on in the next turn, and then finds no socket.
  receiving_->wake();
  std::exchange(receiving_, nullptr)->socket_ = nullptr;
}

std::unique_ptr<DatagramSocket::Wire> DatagramSocket::wire() {
  auto made = std::make_unique<Wire>(*this);
  wire_ = made.get();
  return made;
}

void DatagramSocket::arrived(Arrived what) {
  pending_.push_back(std::move(what));
  if (receiving_ != nullptr) return std::exchange(receiving_, nullptr)->resume();
  // Nobody receives: what comes now waits in the kernel.
  if (pending_.size() >= most_pending) port_.transport()->pause_reading();
}

void DatagramSocket::stopped() {
  wire_ = nullptr;
  stopped_ = true;
  if (receiving_ != nullptr) std::exchange(receiving_, nullptr)->resume();
}

void DatagramSocket::sendto(std::string_view data, const Address& to) {
  if (DatagramTransport* const wire = transport()) wire->write(data, to);
}

void DatagramSocket::send(std::string_view data) {
  if (DatagramTransport* const wire = transport()) wire->write(data);
}

namespace detail {

bool Receive::await_ready() const {
  if (socket_->receiving_ != nullptr) {
    throw std::logic_error("recvfrom: one task at a time receives from a socket");
  }
  return !socket_->pending_.empty() || socket_->stopped_;
}

void Receive::listen() noexcept {
  socket_->receiving_ = this;
  DatagramTransport* const wire = socket_->transport();
  if (wire != nullptr && !wire->reading()) wire->resume_reading();
}

std::pair<std::string_view, Address> Receive::await_resume() {
  if (socket_ != nullptr && socket_->receiving_ == this) socket_->receiving_ = nullptr;
  throw_if_cancelled();
  if (socket_ == nullptr || socket_->pending_.empty()) {
    throw SocketError("recvfrom", {}, std::make_error_code(std::errc::bad_file_descriptor),
                      "the socket was closed meanwhile");
  }
  DatagramSocket::Arrived next = std::move(socket_->pending_.front());
  socket_->pending_.pop_front();
  if (next.error) std::rethrow_exception(next.error);
  // It is lent until the next one is received, so the socket keeps it.
  socket_->lent_ = std::move(next.data);
  return {socket_->lent_, std::move(next.peer)};
}

bool Receive::withdraw() noexcept {
  if (socket_ != nullptr) socket_->receiving_ = nullptr;
  return true;
}

}  // namespace detail

}  // namespace parley
