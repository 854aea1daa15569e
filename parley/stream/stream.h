#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

#include "parley/base/slice.h"
#include "parley/reactor/protocol.h"
#include "parley/reactor/transport.h"
#include "parley/socket/address.h"
#include "parley/stream/error.h"
#include "parley/stream/reading.h"
#include "parley/stream/stream_state.h"
#include "parley/stream/writing.h"

namespace parley {

// A connection in the hands of a coroutine: asyncio's StreamReader and StreamWriter in one. Move-only, not
// while a task waits for it; it is closed, in good order, when it goes. One task at a time reads; several may
// write.
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
  static constexpr std::size_t read_ahead = detail::StreamState::read_ahead;
  // What may wait until `write` waits too: for the next turn, and while it is more than `Limits::high_water`
  // (64 KiB as well, unless the reactor was made with another) for the peer.
  static constexpr std::size_t high_water = detail::StreamState::high_water;

  // No connection: everything ends at once.
  Stream() = default;
  // That of a protocol: what `stream_protocol` hands out.
  explicit Stream(detail::StreamProtocol& protocol) : state_(protocol) {}

  // What has come, as soon as there is anything; empty at the end of input. The bytes are lent until the next
  // read from this stream.
  [[nodiscard]] auto read() { return detail::ReadSome(state_); }
  // The same, but at most so many bytes. None asked for: none, at once.
  [[nodiscard]] auto read(std::size_t most) { return detail::ReadAtMost(state_, most); }
  // Exactly so many bytes, lent in the same way. Throws IncompleteRead at the end of input, LimitExceeded
  // at once when that is more than the limit.
  [[nodiscard]] auto read_exactly(std::size_t count, std::size_t limit = default_limit) {
    return detail::ReadExactly(state_, count, limit);
  }
  // Everything up to and with `end`, which must not be empty, and is read before the call is over: a literal,
  // say. Throws IncompleteRead, and LimitExceeded as soon as more than `limit` bytes have come without it;
  // they can be read still. A limit of 0 is a std::invalid_argument, as `read_line`'s is.
  [[nodiscard]] auto read_until(std::string_view end, std::size_t limit = default_limit) {
    return detail::ReadUntil(state_, end, limit);
  }
  // A line without its end, "\n" or "\r\n"; empty at the end of input. What comes last without an end is a
  // line too. Throws LimitExceeded as soon as it is longer than `limit` bytes; they can be read still.
  [[nodiscard]] auto read_line(std::size_t limit = default_limit) { return detail::ReadLine(state_, limit); }

  // All that has come and was not taken, once that is `at_least` so many bytes; nothing is taken. Fewer:
  // the input is over. For parsers, which look, ask for more than they have seen (`fill(seen.size() + 1)`),
  // and `consume` what they have understood. Lent until the next read from this stream; `consume` leaves it
  // valid. Throws LimitExceeded at once when `at_least` is more than the limit.
  [[nodiscard]] auto fill(std::size_t at_least = 1, std::size_t limit = default_limit) {
    return detail::Fill(state_, at_least, limit);
  }
  // Takes so many bytes from the front of what has come. Nothing to wait for. Throws std::logic_error where
  // fewer have come, or a task is reading.
  void consume(std::size_t count) { state_.consume(count); }

  // Sends a copy of the bytes with all else that this turn writes, and returns when there is room for more:
  // at once, unless the peer is slow. Cancelled, what was given is sent nevertheless.
  [[nodiscard]] auto write(std::string_view bytes) { return detail::Write<std::string_view>(state_, bytes); }
  // Sends bytes without copying them.
  [[nodiscard]] auto write(Slice slice) { return detail::Write<Slice>(state_, std::move(slice)); }
  // Sends `count` bytes of a file from `offset` on, or all of it, from the kernel's own memory where it can;
  // returns when there is room for more: once it has had to wait for the peer, when all but
  // `Limits::low_water` (16 KiB) have left. A file that is shorter by then breaks the connection
  // (FileFailure::shorter). Throws SocketError where its size cannot be told.
  [[nodiscard]] auto send_file(OpenFile file, std::uint64_t offset, std::uint64_t count) {
    return detail::Write<detail::FileToSend>(state_, {std::move(file), offset, count});
  }
  [[nodiscard]] auto send_file(const OpenFile& file) { return send_file(file, 0, file.size()); }
  // Sends several pieces, in order, as one.
  [[nodiscard]] auto writelines(std::span<const std::string_view> pieces) {
    return detail::Write<std::span<const std::string_view>>(state_, pieces);
  }

  // Ends our output after what was written; input goes on.
  void shutdown_write() { state_.shutdown_write(); }
  // Closes in good order: what was written arrives. Whoever reads finds the end.
  void close() { state_.close(); }
  // Closes, and waits until all that was written has been handed to the kernel, and the connection has ended:
  // asyncio's wait_closed. Throws SocketError where some of it was lost: reset by the peer, say. To tell that
  // the peer has it, protocols have answers of their own.
  [[nodiscard]] auto closed() { return detail::Closed(state_); }
  // Closes now: what was written and has not left is dropped. Also after `close`.
  void abort() { state_.abort(); }

  // Puts a filter under the stream, for STARTTLS and the like: what was written before leaves without passing
  // it, and all that comes from now on does. What has come and was not read was sent before that, or by
  // somebody in between (RFC 3207, section 6): it is dropped, or handed to the filter as its first input.
  // Nothing on a connection that is gone. Throws std::logic_error where a task is reading, and what
  // `Transport::insert` throws.
  void insert(std::unique_ptr<Filter> filter, Unread unread) { state_.insert(std::move(filter), unread); }

  // Bytes that have come and were not read.
  std::size_t unread() const { return state_.unread(); }

  // Whether the connection is there: not after its loss or `close`.
  explicit operator bool() const { return state_.connected(); }
  // The other end's address, also when the connection is gone.
  Address peer() const { return state_.peer(); }
  // Our end's address; unspecified when it can't be told any more.
  Address host() const { return state_.host(); }
  // What lies underneath, for groups and the like; null when it is gone.
  Transport* transport() const { return state_.transport(); }

 private:
  detail::StreamState state_;
};

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
