#include "parley/reactor/process/relay.h"

#include <algorithm>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "parley/process/pipes.h"
#include "parley/reactor/loop/loop.h"
#include "parley/socket/create.h"
#include "parley/socket/error.h"
#include "parley/socket/socket.h"

namespace parley {

namespace {

bool nothing_yet(std::error_code error) {
  return error == std::errc::resource_unavailable_try_again || error == std::errc::operation_would_block;
}

// Bytes on their way from one descriptor to another.
class Piece {
 public:
  bool empty() const { return begin_ == end_; }
  // It must be empty. 0: nothing more will come.
  Result<std::size_t> read(int descriptor) {
    if (memory_.empty()) memory_.resize(room);
    const Result<std::size_t> count = read_pipe(descriptor, memory_);
    if (count) begin_ = 0, end_ = *count;
    return count;
  }
  Result<std::size_t> write(int descriptor, std::size_t most) {
    const Result<std::size_t> count =
        write_pipe(descriptor, {memory_.data() + begin_, std::min(end_ - begin_, most)});
    if (count) begin_ += *count;
    return count;
  }
  void drop() { begin_ = end_ = 0; }

 private:
  static constexpr std::size_t room = 64UL * 1024;

  std::vector<char> memory_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

// Carries bytes between the descriptors and one end of a socket pair, whose other end is the connection: all
// of a transport is there. It lives as long as it watches something.
class Relay final : public std::enable_shared_from_this<Relay> {
 public:
  Relay(Reactor& reactor, Socket near, RelayEnds ends)
      : reactor_(reactor),
        near_(std::move(near)),
        number_(ends.number),
        input_(std::move(ends.input)),
        output_(std::move(ends.output)) {
    near_.setblocking(false);
  }

  // Where it throws, `give_up` follows.
  TransportId begin(Socket far, std::unique_ptr<Protocol> protocol) {
    near_watch_ = watch(near_.fileno(), &Relay::near_ready);
    input_is_watched_ = try_to_watch(input_watch_, input_, &Relay::input_ready);
    output_is_watched_ = try_to_watch(output_watch_, output_, &Relay::output_ready);
    input_ended_ = !input_.descriptor;
    // Last: a protocol whose caller is told that there is no connection is not told of one.
    const TransportId id = reactor_.adopt(std::move(far), std::move(protocol));
    reactor_.loop().connections().follow(
        id, [] {},
        [self = shared_from_this()](const Reason&, std::string_view) {
          self->gone_ = true;
          self->settle();
        });
    // What the connection has written when it is told to close is still to reach the output.
    trigger_ = reactor_.on_stop(Stopping::during, [weak = weak_from_this()](Hold hold) {
      if (const auto self = weak.lock()) self->hold_ = std::move(hold);
    });
    settle();
    return id;
  }
  // The watches keep it alive. The descriptors stay as they are for others.
  void give_up() {
    finished_ = true;
    for (Watching* const watching : {&near_watch_, &input_watch_, &output_watch_}) watching->stop();
    trigger_.remove();
    near_.close();
  }

 private:
  using Act = void (Relay::*)(Interest);

  Watching watch(int descriptor, Act act) {
    return reactor_.watch(descriptor, Interest::none, [self = shared_from_this(), act](Interest ready) {
      if (self->finished_) return;
      (self.get()->*act)(ready);
      self->settle();
    });
  }
  // A file cannot be watched everywhere: it is always ready.
  bool try_to_watch(Watching& watching, const SharedStream& stream, Act act) {
    if (!stream.descriptor) return false;
    try {
      watching = watch(stream.descriptor.get(), act);
      return true;
    } catch (const SocketError& error) {
      if (error.code() != std::errc::operation_not_permitted) throw;
      return false;
    }
  }

  void input_ready(Interest /*ready*/) {
    if (!wants_input()) return;
    const Result<std::size_t> count = incoming_.read(input_.descriptor.get());
    if (!count && nothing_yet(count.error())) return;
    if (!count || *count == 0) input_ended_ = true;
    push_in();
  }
  void near_ready(Interest ready) {
    if (has(ready, Interest::write)) push_in();
    if (!has(ready, Interest::read) || !wants_output()) return;
    const Result<std::size_t> count = outgoing_.read(near_.fileno());
    if (!count && nothing_yet(count.error())) return;
    if (!count || *count == 0) written_all_ = true;
    push_out();
  }
  void output_ready(Interest ready) {
    if (outgoing_.empty() && has(ready, Interest::read)) return finish();  // nobody reads it any more
    push_out();
  }

  void push_in() {
    if (incoming_.empty()) return;
    const Result<std::size_t> count = incoming_.write(near_.fileno(), all);
    if (count || nothing_yet(count.error())) return;
    incoming_.drop();  // the connection has ended
    input_ended_ = true;
  }
  void push_out() {
    if (!output_.descriptor) return outgoing_.drop();
    while (!outgoing_.empty()) {
      const Result<std::size_t> count = outgoing_.write(output_.descriptor.get(), output_.at_once);
      if (!count && nothing_yet(count.error())) return;
      if (!count) return finish();
      if (output_is_watched_) return;  // whether there is room for more is to be asked first
    }
  }

  bool wants_input() const { return !input_ended_ && incoming_.empty() && !gone_; }
  bool wants_output() const { return !written_all_ && outgoing_.empty(); }

  // What follows from what has come about, and what is to be waited for now.
  void settle() {
    if (finished_) return;
    if (input_ended_) close_input();
    if (input_ended_ && incoming_.empty() && !std::exchange(told_end_, true)) {
      try {
        near_.shutdown(Shutdown::write);
      } catch (const SocketError&) {  // the connection has ended
      }
    }
    if (written_all_ && outgoing_.empty()) {
      close_output();
      if (gone_) return finish();
    }
    const Interest read = wants_output() ? Interest::read : Interest::none;
    near_watch_.change(read | (incoming_.empty() ? Interest::none : Interest::write));
    if (input_is_watched_ && input_.descriptor) {
      input_watch_.change(wants_input() ? Interest::read : Interest::none);
    } else if (wants_input() && !std::exchange(posted_, true)) {
      reactor_.post([self = shared_from_this()] {
        self->posted_ = false;
        if (self->finished_) return;
        self->input_ready(Interest::read);
        self->settle();
      });
    }
    if (output_is_watched_ && output_.descriptor) {
      const Interest hang_up = output_.tells_hang_up ? Interest::read : Interest::none;
      output_watch_.change(hang_up | (outgoing_.empty() ? Interest::none : Interest::write));
    }
  }

  void close_input() {
    input_watch_.stop();
    input_.descriptor.reset();
  }
  void close_output() {
    if (!output_.descriptor) return;
    if (output_is_watched_) output_watch_.stop();
    number_ < 0 ? output_.descriptor.reset() : end_output(output_.descriptor, number_);
  }
  void finish() {
    finished_ = true;
    close_input();
    close_output();
    near_watch_.stop();
    near_.close();
    trigger_.remove();
    hold_ = Hold();
  }

  static constexpr std::size_t all = static_cast<std::size_t>(-1);

  Reactor& reactor_;
  Socket near_;
  const int number_;  // of the output, for others
  SharedStream input_;
  SharedStream output_;
  Watching near_watch_, input_watch_, output_watch_;
  Trigger trigger_;
  Hold hold_;
  Piece incoming_, outgoing_;
  bool input_is_watched_ = false;
  bool output_is_watched_ = false;
  bool posted_ = false;
  bool input_ended_ = false;
  bool told_end_ = false;
  bool written_all_ = false;  // the connection writes no more
  bool gone_ = false;         // it has ended, and its protocol is gone
  bool finished_ = false;
};

}  // namespace

TransportId relay(Reactor& reactor, std::unique_ptr<Protocol> protocol, RelayEnds ends) {
  auto [far, near] = socketpair();
  const auto carrying = std::make_shared<Relay>(reactor, std::move(near), std::move(ends));
  try {
    return carrying->begin(std::move(far), std::move(protocol));
  } catch (...) {
    carrying->give_up();
    throw;
  }
}

}  // namespace parley
