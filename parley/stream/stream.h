#pragma once

#include <coroutine>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <system_error>
#include <utility>

#include "parley/base/slice.h"
#include "parley/reactor/protocol.h"
#include "parley/reactor/reactor.h"
#include "parley/reactor/transport.h"
#include "parley/socket/address.h"
#include "parley/stream/error.h"
#include "parley/stream/fiber.h"
#include "parley/stream/read_buffer.h"

namespace parley {

class Stream;

namespace detail {

// The protocol under a stream: hands on what happens, for as long as there is one.
class StreamProtocol : public Protocol {
 public:
  ~StreamProtocol() override;

  void connection_made() final;
  void data_received(std::span<char> lent) final;
  bool eof_received() final;
  void pause_writing() final;
  void resume_writing() final;
  void connection_lost(Reason reason) final;
  using Protocol::transport;

 protected:
  // The connection as a stream, once.
  virtual void made(Stream stream) = 0;

 private:
  friend class parley::Stream;

  Stream* stream_ = nullptr;
};

// A task that waits for input.
class Reading : protected Suspension {
 public:
  std::string where() const;

 protected:
  Reading(Stream& stream) : stream_(&stream) {}
  Reading(Reading&&) = default;
  ~Reading() {
    if (waits()) withdraw();
  }

  void begin();
  template <class Promise>
  bool wait(std::coroutine_handle<Promise> who) {
    if (!suspend(who)) return false;
    listen();
    return true;
  }
  // Waits no more. Throws Cancelled if that is why; otherwise the stream.
  Stream& done();
  // Whether what has come is enough, or there is nothing to wait for.
  virtual bool satisfied() = 0;

  Stream* stream_;

 private:
  friend class parley::Stream;

  void listen() noexcept;
  bool withdraw() noexcept final;
};

class ReadSome final : public Reading {
 public:
  static constexpr std::string_view operation = "read";

  explicit ReadSome(Stream& stream) : Reading(stream) {}

  bool await_ready() {
    begin();
    return satisfied();
  }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> who) {
    return wait(who);
  }
  std::optional<std::string_view> await_resume();

 private:
  bool satisfied() override;
};

class ReadExactly final : public Reading {
 public:
  static constexpr std::string_view operation = "read_exactly";

  ReadExactly(Stream& stream, std::size_t count, std::size_t limit)
      : Reading(stream), count_(count), limit_(limit) {}

  bool await_ready() {
    begin();
    return satisfied();
  }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> who) {
    return wait(who);
  }
  std::string_view await_resume();

 private:
  bool satisfied() override;

  std::size_t count_;
  std::size_t limit_;
};

// Looks for an end in what has come, each byte once however it comes.
class ReadDelimited : public Reading {
 protected:
  ReadDelimited(Stream& stream, std::string_view end, std::size_t limit);
  ~ReadDelimited() = default;
  ReadDelimited(ReadDelimited&&) = default;

  static constexpr std::size_t nowhere = static_cast<std::size_t>(-1);

  bool satisfied() final;

  std::string_view end_;
  std::size_t limit_;
  std::size_t found_ = nowhere;  // where the end is
  std::size_t looked_ = 0;       // how far it is known not to begin
};

class ReadUntil final : public ReadDelimited {
 public:
  static constexpr std::string_view operation = "read_until";

  ReadUntil(Stream& stream, std::string_view end, std::size_t limit) : ReadDelimited(stream, end, limit) {}

  bool await_ready() {
    begin();
    return satisfied();
  }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> who) {
    return wait(who);
  }
  std::string_view await_resume();
};

class ReadLine final : public ReadDelimited {
 public:
  static constexpr std::string_view operation = "read_line";

  ReadLine(Stream& stream, std::size_t limit) : ReadDelimited(stream, "\n", limit) {}

  bool await_ready() {
    begin();
    return satisfied();
  }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> who) {
    return wait(who);
  }
  std::optional<std::string_view> await_resume();
};

// A task that waits for room in a stream that it has written to.
class Writing : protected Suspension {
 public:
  static constexpr std::string_view operation = "write";
  std::string where() const;

 protected:
  explicit Writing(Stream& stream) : stream_(&stream) {}
  Writing(Writing&&) = default;
  ~Writing() {
    if (waits()) withdraw();
  }

  template <class Promise>
  bool wait(std::coroutine_handle<Promise> who) {
    waited_ = true;
    if (!suspend(who)) return false;
    listen();
    return true;
  }
  void finish();
  // As almost always: there was no need to wait, and the connection is there.
  bool written_at_once() const;
  Stream& stream() const { return *stream_; }

 private:
  friend class parley::Stream;

  void listen();
  void look_again();
  bool withdraw() noexcept final;

  bool waited_ = false;
  Stream* stream_;
  Writing* next_ = nullptr;
  Timer flushed_;
};

template <class Bytes>
class Write final : public Writing {
 public:
  Write(Stream& stream, Bytes bytes) : Writing(stream), bytes_(std::move(bytes)) {}

  bool await_ready();
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> who) {
    return wait(who);
  }
  void await_resume() {
    if (!written_at_once()) finish();
  }

 private:
  Bytes bytes_;
};

}  // namespace detail

// A connection in the hands of a coroutine: asyncio's StreamReader and StreamWriter in one. Move-only; it is
// closed, in good order, when it goes. One task at a time reads; several may write.
//
// Each operation is awaited where it is named, throws SocketError when the connection is broken, and may be
// cancelled: nothing that has come is lost by that. What comes while nobody reads is kept up to `read_ahead`
// bytes; the rest waits in the kernel, and then with the sender. A stream nobody has sent to owns no memory
// but itself.
class Stream {
 public:
  // What is read at once may be so long, unless the call says otherwise.
  static constexpr std::size_t default_limit = 64 * 1024;
  // What is kept of the input while nobody reads (and one read of the reactor).
  static constexpr std::size_t read_ahead = 64 * 1024;
  // What may wait for a peer that does not read until `write` waits too.
  static constexpr std::size_t high_water = 64 * 1024;

  // No connection: everything ends at once.
  Stream() = default;
  // Not while a task waits for it.
  Stream(Stream&& other) noexcept { take(other); }
  Stream& operator=(Stream&& other) noexcept;
  ~Stream();

  // What has come, as soon as there is anything; empty at the end of input. The bytes are lent until the next
  // read from this stream.
  auto read() { return detail::ReadSome(*this); }
  // Exactly so many bytes, lent in the same way. Throws IncompleteRead at the end of input, LimitExceeded
  // at once when that is more than the limit.
  auto read_exactly(std::size_t count, std::size_t limit = default_limit) {
    return detail::ReadExactly(*this, count, limit);
  }
  // Everything up to and with `end`, which must not be empty, and is read before the call is over: a literal,
  // say. Throws IncompleteRead, and LimitExceeded when more than `limit` bytes come; they can be read still.
  auto read_until(std::string_view end, std::size_t limit = default_limit) {
    return detail::ReadUntil(*this, end, limit);
  }
  // A line without its end, "\n" or "\r\n"; empty at the end of input. What comes last without an end is a
  // line too. Throws LimitExceeded when it is longer than `limit` bytes.
  auto read_line(std::size_t limit = default_limit) { return detail::ReadLine(*this, limit); }

  // Sends a copy of the bytes with all else that this turn writes, and returns when there is room for more:
  // at once, unless the peer is slow. Cancelled, what was given is sent nevertheless.
  auto write(std::string_view bytes) { return detail::Write<std::string_view>(*this, bytes); }
  // Sends bytes without copying them.
  auto write(Slice slice) { return detail::Write<Slice>(*this, std::move(slice)); }
  // Sends several pieces, in order, as one.
  auto writelines(std::span<const std::string_view> pieces) {
    return detail::Write<std::span<const std::string_view>>(*this, pieces);
  }

  // Ends our output after what was written; input goes on.
  void shutdown_write();
  // Closes in good order: what was written arrives. Whoever reads finds the end.
  void close();
  // Closes now: what was written and has not left is dropped.
  void abort();

  // Whether the connection is there: not after its loss or `close`.
  explicit operator bool() const { return wire_ != nullptr; }
  // The other end's address, also when the connection is gone.
  Address peer() const;
  // Our end's address; unspecified when it can't be told any more.
  Address host() const;
  // What lies underneath, for groups and the like; null when it is gone.
  Transport* transport() const;

 private:
  friend class detail::StreamProtocol;
  friend class detail::Reading;
  friend class detail::ReadSome;
  friend class detail::ReadExactly;
  friend class detail::ReadDelimited;
  friend class detail::ReadUntil;
  friend class detail::ReadLine;
  friend class detail::Writing;
  template <class>
  friend class detail::Write;

  explicit Stream(detail::StreamProtocol& wire);

  void received(std::span<const char> lent);
  void peer_ended();
  void pressed();
  void relieved();
  void lost(Reason reason);
  void detach() noexcept;
  void forsake();
  void take(Stream& other) noexcept;
  void wake_all();
  void wake_writers();
  void forget(const detail::Writing& writer) noexcept;
  bool input_over() const { return ended_ || wire_ == nullptr; }
  bool room() const;
  bool put(std::string_view bytes);
  bool put(const Slice& slice);
  bool put(std::span<const std::string_view> pieces);
  [[noreturn]] void fail(std::string_view operation) const;
  void throw_if_broken(std::string_view operation) const;

  detail::StreamProtocol* wire_ = nullptr;
  detail::Reading* reader_ = nullptr;
  detail::Writing* writers_ = nullptr;
  detail::ReadBuffer read_buffer_;
  std::error_code broken_;  // how it was lost, if not in good order
  CompactAddress peer_;     // once it is gone
  bool ended_ = false;      // the peer sends no more
  bool closed_ = false;     // here
  bool pressed_ = false;    // the peer is slow
  bool paused_ = false;     // nobody reads
};

namespace detail {

inline bool Writing::written_at_once() const {
  return !waited_ && stream_->wire_ != nullptr;
}

template <class Bytes>
bool Write<Bytes>::await_ready() {
  return stream().put(bytes_);
}

}  // namespace detail

// A protocol that hands its connection, as soon as it is made, to `made`, as a Stream: for factories and
// transports of one's own.
template <class Made>
std::unique_ptr<Protocol> stream_protocol(Made made) {
  class Calling final : public detail::StreamProtocol {
   public:
    explicit Calling(Made call) : made_(std::move(call)) {}

   private:
    void made(Stream stream) override { made_(std::move(stream)); }
    Made made_;
  };
  return std::make_unique<Calling>(std::move(made));
}

}  // namespace parley
