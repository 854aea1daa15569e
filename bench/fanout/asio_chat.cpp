// Peer (c): a chat as one writes it with Asio: each session has a queue of shared messages and writes them
// one after the other; each line is read with async_read_until. Line based, without greeting and join lines,
// so that the bytes on the wire are those of the floors.
//
// System calls of a turn that reads M messages, with N clients: epoll_wait, recv, and one sendmsg for each
// client and message, as one async_write is in flight per session and each writes one message.
// Usage: fanout_asio_chat [PORT]
#include <asio.hpp>
#include <cstdlib>
#include <deque>
#include <iostream>
#include <memory>
#include <sstream>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "bench/fanout/sockets.h"

namespace {

using asio::ip::tcp;
using Message = std::shared_ptr<const std::string>;

class Session;

class Room {
 public:
  void join(std::shared_ptr<Session> session) { sessions_.insert(std::move(session)); }
  void leave(const std::shared_ptr<Session>& session) { sessions_.erase(session); }
  void deliver(const Session& from, const Message& message);

 private:
  std::unordered_set<std::shared_ptr<Session>> sessions_;
};

class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(tcp::socket socket, Room& room) : socket_(std::move(socket)), room_(room) {
    std::ostringstream name;
    name << '[' << socket_.remote_endpoint() << "] ";
    name_ = name.str();
  }

  void start() {
    room_.join(shared_from_this());
    read();
  }

  void deliver(const Message& message) {
    queue_.push_back(message);
    if (queue_.size() == 1) write();
  }

 private:
  void read() {
    asio::async_read_until(socket_, asio::dynamic_buffer(input_, 64 * 1024), '\n',
                           [self = shared_from_this()](asio::error_code error, std::size_t length) {
                             if (error) return self->room_.leave(self);
                             self->line(std::string_view(self->input_).substr(0, length - 1));
                             self->input_.erase(0, length);
                             self->read();
                           });
  }

  void line(std::string_view text) {
    if (text.ends_with('\r')) text.remove_suffix(1);
    std::string message = name_;
    message.append(text).append("\r\n");
    room_.deliver(*this, std::make_shared<const std::string>(std::move(message)));
  }

  void write() {
    asio::async_write(socket_, asio::buffer(*queue_.front()),
                      [self = shared_from_this()](asio::error_code error, std::size_t) {
                        if (error) return self->room_.leave(self);
                        self->queue_.pop_front();
                        if (!self->queue_.empty()) self->write();
                      });
  }

  tcp::socket socket_;
  Room& room_;
  std::string name_;
  std::string input_;
  std::deque<Message> queue_;
};

void Room::deliver(const Session& from, const Message& message) {
  for (const auto& session : sessions_) {
    if (session.get() != &from) session->deliver(message);
  }
}

class Server {
 public:
  Server(asio::io_context& context, const tcp::endpoint& endpoint) : acceptor_(context, endpoint) {
    std::cout << "listening on port " << acceptor_.local_endpoint().port() << std::endl;
    accept();
  }

 private:
  void accept() {
    acceptor_.async_accept([this](asio::error_code error, tcp::socket socket) {
      if (!error) {
        socket.set_option(tcp::no_delay(true), error);
        if (!error) std::make_shared<Session>(std::move(socket), room_)->start();
      }
      accept();
    });
  }

  tcp::acceptor acceptor_;
  Room room_;
};

}  // namespace

int main(int argc, char** argv) {
  bench::raise_descriptor_limit();
  const auto port = static_cast<asio::ip::port_type>(argc > 1 ? std::atoi(argv[1]) : 0);
  asio::io_context context(1);  // one thread: Asio leaves out its locks
  const Server server(context, {asio::ip::address_v4::loopback(), port});
  context.run();
}
