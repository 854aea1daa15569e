#include "parley/server/handlers.h"

#include <algorithm>
#include <stdexcept>

#include "parley/server/base_server.h"

namespace parley {

void BaseRequestHandler::serve(Request& request, BaseServer& server) {
  require_kind(request);
  request_ = &request;
  if (request.asked_address.family() != Family::unspecified) {
    answering_ = Socket(server.socket(), request.asked_address);
  }
  socket_ = request.connection ? &*request.connection : answering_ ? &*answering_ : &server.socket();
  server_ = &server;
  setup();
  try {
    handle();
  } catch (...) {
    try {
      finish();
    } catch (...) {  // what `handle` said comes first: it is the cause, mostly
    }
    throw;
  }
  finish();
}

// It would read the server's own socket, and wait for the next client's datagram.
void StreamRequestHandler::require_kind(const Request& request) const {
  if (request.connection) return;
  throw std::logic_error("a StreamRequestHandler serves connections; for datagrams: DatagramRequestHandler");
}

void StreamRequestHandler::setup() {
  if (timeout) request().settimeout(timeout);
  if (disable_nagle_algorithm) request().setsockopt(options::no_delay, true);
}

void StreamRequestHandler::finish() {
  if (wfile_) {
    try {
      wfile_->close();
    } catch (const SocketError&) {  // the client is gone: there is nobody to tell
    }
  }
  rfile_.reset();
}

SocketFile& StreamRequestHandler::rfile() {
  if (!rfile_) rfile_.emplace(request(), FileOptions{.read_buffer = rbufsize});
  return *rfile_;
}

SocketFile& StreamRequestHandler::wfile() {
  if (!wfile_) wfile_.emplace(request(), FileOptions{.write_buffer = wbufsize});
  return *wfile_;
}

std::string DatagramRequestHandler::Reader::read(std::size_t size) {
  std::string taken(rest_.substr(0, size));
  rest_.remove_prefix(taken.size());
  return taken;
}

std::string DatagramRequestHandler::Reader::readline() {
  const std::size_t end = rest_.find('\n');
  return read(end == std::string_view::npos ? end : end + 1);
}

void DatagramRequestHandler::require_kind(const Request& request) const {
  if (!request.connection) return;
  throw std::logic_error("a DatagramRequestHandler serves datagrams; for connections: StreamRequestHandler");
}

void DatagramRequestHandler::setup() {
  rfile_.rest_ = packet();
}

void DatagramRequestHandler::finish() {
  const Address& to = client_address();
  const bool reachable = to.family() == Family::local ? !to.path().empty() : to.port() != 0;
  if (reachable) request().sendto(wfile_.answer_, to);
}

}  // namespace parley
