#include "parley/socket/file.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "parley/socket/error.h"
#include "parley/socket/waiting.h"

namespace parley {

namespace {

constexpr std::size_t first_piece = 64 * 1024;
constexpr std::size_t largest_piece = 1024 * 1024;  // what `read1` takes at once at most

void require_limit(std::string_view operation, std::size_t limit) {
  if (limit != 0) return;
  throw std::invalid_argument(concat(operation, ": a line limit of 0 would look like the end of the input"));
}

}  // namespace

struct SocketFile::Call {
  std::string_view name;
  Deadline deadline;
};

SocketFile Socket::makefile() const {
  return SocketFile(*this);
}

SocketFile Socket::makefile(const FileOptions& how) const {
  return SocketFile(*this, how);
}

SocketFile::SocketFile(const Socket& socket, const FileOptions& how) : socket_(socket), how_(how) {
  require_limit("makefile", how.line_limit);
  check_open("makefile");
}

SocketFile& SocketFile::operator=(SocketFile&& other) noexcept {
  if (this == &other) return *this;
  close_quietly();
  socket_ = std::move(other.socket_);
  how_ = other.how_;
  input_ = std::move(other.input_);
  begin_ = other.begin_;
  end_ = other.end_;
  lost_ = other.lost_;
  output_ = std::move(other.output_);
  return *this;
}

SocketFile::~SocketFile() {
  close_quietly();
}

void SocketFile::check_open(std::string_view operation) const {
  if (!closed()) return;
  throw SocketError(operation, "", std::make_error_code(std::errc::bad_file_descriptor),
                    "the file or its socket is closed");
}

void SocketFile::check_read(std::string_view operation) const {
  check_open(operation);
  if (!lost_) return;
  throw SocketError(operation, socket_.where(), std::make_error_code(std::errc::state_not_recoverable),
                    "an earlier read of this file failed, and what it had read is lost");
}

std::size_t SocketFile::receive(const Call& call, std::span<char> memory, bool partly) {
  try {
    return socket_.receive(call.name, memory, call.deadline);
  } catch (const Timeout&) {
    lost_ = true;
    throw;
  } catch (...) {
    lost_ = partly;
    throw;
  }
}

bool SocketFile::fill(const Call& call, bool partly) {
  const std::size_t size = std::max<std::size_t>(how_.read_buffer, 1);
  if (!input_) input_ = std::make_unique_for_overwrite<char[]>(size);
  begin_ = end_ = 0;
  end_ = receive(call, {input_.get(), size}, partly);
  return end_ != 0;
}

std::string_view SocketFile::take(std::size_t size) {
  const std::string_view taken = buffered().substr(0, size);
  begin_ += taken.size();
  return taken;
}

// The memory grows with what arrives: a size that a peer announced is no reason to allocate it.
std::string SocketFile::collect(const Call& call, std::size_t size) {
  std::string data(take(size));
  std::size_t have = data.size();
  while (have < size) {
    const bool partly = have != 0;
    if (size - have < how_.read_buffer) {
      if (!fill(call, partly)) break;
      data.resize(have);
      data += take(size - have);
      have = data.size();
      continue;
    }
    if (have == data.size()) data.resize(have + std::min(size - have, std::max(have, first_piece)));
    const std::size_t received = receive(call, std::span(data).subspan(have), partly);
    if (received == 0) break;
    have += received;
  }
  data.resize(have);
  return data;
}

std::string SocketFile::read(std::size_t size) {
  check_read("read");
  return collect({"read", Deadline(socket_.gettimeout())}, size);
}

std::string SocketFile::read() {
  check_read("read");
  const std::size_t limit = std::min(how_.read_limit, std::string().max_size() - 1);
  std::string data = collect({"read", Deadline(socket_.gettimeout())}, limit + 1);
  if (data.size() <= limit) return data;
  lost_ = true;
  throw SocketError(
      "read", socket_.where(), std::make_error_code(std::errc::message_size),
      concat("there is more than the read_limit of ", limit, " bytes: read(size) takes pieces"));
}

std::string SocketFile::read1(std::size_t size) {
  check_read("read1");
  if (!buffered().empty() || size == 0) return std::string(take(size));
  const Call call{"read1", Deadline(socket_.gettimeout())};
  if (size >= how_.read_buffer) {
    std::string data(std::min(size, largest_piece), '\0');
    data.resize(receive(call, data, false));
    return data;
  }
  fill(call, false);
  return std::string(take(size));
}

std::size_t SocketFile::readinto(std::span<char> memory) {
  check_read("readinto");
  const Call call{"readinto", Deadline(socket_.gettimeout())};
  std::size_t have = take(memory.size()).copy(memory.data(), memory.size());
  while (have < memory.size()) {
    const std::span<char> rest = memory.subspan(have);
    std::size_t received = 0;
    if (rest.size() >= how_.read_buffer) {
      received = receive(call, rest, have != 0);
    } else if (fill(call, have != 0)) {
      received = take(rest.size()).copy(rest.data(), rest.size());
    }
    if (received == 0) break;
    have += received;
  }
  return have;
}

std::string SocketFile::readline() {
  return readline(how_.line_limit);
}

std::string SocketFile::readline(std::size_t limit) {
  require_limit("readline", limit);
  check_read("readline");
  const Call call{"readline", Deadline(socket_.gettimeout())};
  std::string line;
  while (line.size() < limit) {
    if (buffered().empty() && !fill(call, !line.empty())) break;
    const std::size_t end = buffered().substr(0, limit - line.size()).find('\n');
    line += take(end == std::string_view::npos ? limit - line.size() : end + 1);
    if (end != std::string_view::npos) break;
  }
  return line;
}

void SocketFile::write(std::string_view data) {
  check_open("write");
  if (data.size() > how_.write_buffer - std::min(output_.size(), how_.write_buffer)) {
    const Call call{"write", Deadline(socket_.gettimeout())};
    flush(call);
    if (data.size() >= how_.write_buffer) return socket_.send_rest(call.name, data, call.deadline);
  }
  output_ += data;
}

void SocketFile::flush() {
  check_open("flush");
  flush({"flush", Deadline(socket_.gettimeout())});
}

void SocketFile::flush(const Call& call) {
  if (output_.empty()) return;
  std::string_view rest = output_;
  try {
    socket_.send_rest(call.name, rest, call.deadline);
  } catch (...) {
    output_.erase(0, output_.size() - rest.size());
    throw;
  }
  output_.clear();
}

void SocketFile::close() {
  if (closed()) return;
  try {
    flush({"close", Deadline(socket_.gettimeout())});
  } catch (...) {
    let_go();
    throw;
  }
  let_go();
}

void SocketFile::let_go() noexcept {
  socket_.close();
  output_.clear();
  begin_ = end_ = 0;
}

void SocketFile::close_quietly() noexcept {
  try {
    close();
  } catch (...) {  // whoever wants to know calls `close`
    let_go();
  }
}

}  // namespace parley
