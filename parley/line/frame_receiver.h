#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "parley/reactor/protocol.h"

namespace parley {

// What the receivers beside LineReceiver stand on: bytes go in as they come, frames come out whole. A
// derived class says what a frame is, in `handle_next`. Frames are cut where they lie, in the lent bytes;
// only one that has not come whole is kept. Nothing is delivered while `Transport::reading` is false: it
// waits here until `reading_resumed`. Callbacks may pause, close and switch; none recurses. An idle receiver
// owns no memory but itself. The time it takes is linear in the bytes, however they are split.
class FrameReceiver : public Protocol {
 public:
  ~FrameReceiver() override;

  // What the loop calls; not to be called from a callback of this receiver.
  void data_received(std::span<char> lent) override;
  // True while frames still wait for reading to be resumed. It is called once more when they were
  // delivered, and then the connection is closed unless a derived class answers true. A frame that has
  // not come whole is dropped.
  bool eof_received() override;
  void reading_resumed() override;

 protected:
  // Bytes on their way: lent ones, which pass, or a copy of those that must wait.
  class Input {
   public:
    Input() = default;
    explicit Input(std::span<char> lent) : at_(lent.data()), end_(lent.data() + lent.size()) {}

    Input(const Input&) = delete;
    Input& operator=(const Input&) = delete;

    bool empty() const { return at_ == end_; }
    std::size_t size() const { return static_cast<std::size_t>(end_ - at_); }
    std::string_view view() const { return {at_, size()}; }

    // Hands over the first ones: they count as handled.
    std::span<char> take(std::size_t count) {
      const std::span<char> taken(at_, count);
      at_ += count;
      searched = 0;
      wanted = 0;
      return taken;
    }

    // The derived class's, until something is taken: so many bytes need not be searched again; and there
    // is nothing to do before there are so many (0: any).
    std::size_t searched = 0;
    std::size_t wanted = 0;

   private:
    friend class FrameReceiver;

    Input(const Input& from, std::vector<char> bytes);
    std::size_t handled() const { return static_cast<std::size_t>(at_ - kept_.data()); }
    void append(std::span<const char> bytes);

    std::vector<char> kept_;
    char* at_ = nullptr;  // what is left: in `kept_`, or lent
    char* end_ = nullptr;
  };

  FrameReceiver() = default;

  // Handles what stands first, with one callback at most, and takes it from the input. False when more
  // bytes must come before there is anything to do. Called only while reading is allowed, and as often as
  // it answers true.
  virtual bool handle_next(Input& input) = 0;
  // Whether `handle_next` has something to do that needs no bytes.
  virtual bool due() const { return false; }
  // How many of the bytes that have come complete the frame that is kept, or nearly: the others are
  // handled where they lie. It is right with any number above 0.
  virtual std::size_t to_complete(std::string_view bytes) const { return bytes.size(); }

  // After a switch from outside a callback: handles what waits, if reading is allowed.
  void go_on();
  // There is no more input: what is there will not be completed.
  bool ended() const { return ended_; }

 private:
  bool waits() const { return input_ != nullptr || due(); }
  void handle_kept();
  void handle(Input& input);

  Input* input_ = nullptr;  // kept bytes, on the heap
  bool busy_ : 1 = false;   // a callback is on its way
  bool ended_ : 1 = false;
};

}  // namespace parley
