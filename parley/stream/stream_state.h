#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <system_error>
#include <utility>

#include "parley/base/slice.h"
#include "parley/reactor/protocol.h"
#include "parley/reactor/transport.h"
#include "parley/socket/address.h"
#include "parley/socket/open_file.h"
#include "parley/stream/read_buffer.h"

namespace parley {

class Filter;
class Stream;

// What becomes of input that was not read, where a filter is put under a stream.
enum class Unread : bool { dropped, handed_over };

namespace detail {

// A part of a file that is to be sent. With a constructor, since g++ 12 gets others wrong in `co_await`.
struct FileToSend {
  FileToSend(OpenFile sent, std::uint64_t from, std::uint64_t size)
      : file(std::move(sent)), offset(from), count(size) {}
  OpenFile file;
  std::uint64_t offset;
  std::uint64_t count;
};

class Reading;
class StreamState;
class Writing;

// The protocol under a stream: hands on what happens, for as long as there is one.
class StreamProtocol : public Protocol {
 public:
  ~StreamProtocol() override;

  void connection_made() final;
  void data_received(std::span<char> lent) final;
  bool eof_received() final;
  void reading_resumed() final;
  void pause_writing() final;
  void resume_writing() final;
  void connection_lost(Reason reason) final;

  using Protocol::transport;
  // Whom it tells from now on; null: nobody.
  void tell(StreamState* state) { state_ = state; }

 protected:
  // The connection as a stream, once.
  virtual void made(Stream stream) = 0;

 private:
  StreamState* state_ = nullptr;
};

// What a Stream is: its connection, what has come of it, and the tasks that wait for it. The Stream has it;
// what is awaited stands in the frame of a task and refers to it, and is told when it goes.
class StreamState {
 public:
  // What is kept of the input while nobody reads (and one read of the reactor).
  static constexpr std::size_t read_ahead = 64 * 1024;
  // From this size on, what comes is taken over with its block instead of being copied, if nothing else is
  // held. The block may be four times as large, and counts for what it holds: the rest of it is used for what
  // comes next.
  static constexpr std::size_t taken_over_from = 16 * 1024;
  // What may wait until `write` waits too: for the next turn, and from `Limits::high_water` on for the peer.
  static constexpr std::size_t high_water = 64 * 1024;

  StreamState() = default;
  explicit StreamState(StreamProtocol& wire);
  // Not while a task waits for it.
  StreamState(StreamState&& other) noexcept { take(other); }
  StreamState& operator=(StreamState&& other) noexcept;
  ~StreamState();

  // What the connection tells. Where a task goes on, that is the last thing done: it may destroy the stream.
  void received(std::span<char> lent);
  void peer_ended();
  void resumed();
  void pressed() { pressed_ = wire_ != nullptr; }
  void relieved();
  void lost(Reason reason);
  void detach() noexcept;

  // What the program asks for.
  void shutdown_write();
  void close();
  void abort();
  // Whether it was closed here, and not all that was written is with the kernel.
  bool leaving() const { return leaving_ != nullptr; }
  // Throws where some of it was lost.
  void throw_if_undelivered(std::string_view operation) const;
  void consume(std::size_t count);
  void insert(std::unique_ptr<Filter> filter, Unread unread);
  bool connected() const { return wire_ != nullptr; }
  Address peer() const;
  Address host() const;
  Transport* transport() const;

  // For the one that reads. What was lent before is not in use any more when the next one begins.
  void begin_reading() {
    if (reader_ != nullptr) fail_busy();
    input_.settle();
  }
  void wait(Reading& reader) noexcept;
  void forget(const Reading& reader) noexcept {
    if (reader_ == &reader) reader_ = nullptr;
  }
  ReadBuffer& input() { return input_; }
  std::size_t unread() const { return input_.size(); }
  // What has come is not to be read now: reading_resumed follows.
  bool rests() const { return !input_.empty() && !paused_ && !input_over() && wire_->transport().resting(); }
  // Nothing more comes.
  bool input_over() const { return ended_ || wire_ == nullptr; }

  // For those who write. Each `put` answers whether there is room for more.
  bool put(std::string_view bytes);
  bool put(const Slice& slice);
  bool put(const FileToSend& part);
  bool put(std::span<const std::string_view> pieces);
  // `most`: of what waits.
  bool room(std::size_t most = high_water) const;
  // Whether the connection will tell when there is room again.
  bool is_pressed() const { return pressed_; }
  void wait(Writing& writer) noexcept;
  void forget(const Writing& writer) noexcept;

  // Throws what is wrong with the connection.
  [[noreturn]] void fail(std::string_view operation) const;
  // For a task whose stream has gone while it waited.
  [[noreturn]] static void fail_gone(std::string_view operation);
  // Throws what is wrong with the connection where it was not lost in good order.
  void throw_if_broken(std::string_view operation) const {
    if (broken_ && !closed_) fail(operation);
  }

 private:
  [[noreturn]] static void fail_busy();
  [[gnu::cold]] void take_in_large(std::span<char> lent);
  void leave() noexcept;
  void forsake() noexcept;
  void take(StreamState& other) noexcept;
  void wake_all();
  void wake_writers();

  StreamProtocol* wire_ = nullptr;
  StreamProtocol* leaving_ = nullptr;  // the same, once it was closed here, until it is lost
  Reading* reader_ = nullptr;
  Writing* writers_ = nullptr;
  ReadBuffer input_;
  std::error_code broken_;  // how it was lost, if not in good order; before it was closed here or afterwards
  CompactAddress peer_;     // once it is gone
  bool ended_ = false;      // the peer sends no more
  bool end_waits_ = false;  // nor does it, but what a filter makes of its last bytes is still to come
  bool closed_ = false;     // here
  bool pressed_ = false;    // the peer is slow
  bool paused_ = false;     // nobody reads
};

}  // namespace detail

}  // namespace parley
