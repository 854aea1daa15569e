#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "parley/line/frame_receiver.h"

namespace parley {

// asynchat's way: data comes piece by piece, as it arrives, until a terminator is found, which is a string or
// a number of bytes. The program collects the pieces, and says in `found_terminator` what ends the next
// ones. Nothing is kept here but the beginning of what may become a terminator.
class TerminatorReceiver : public FrameReceiver {
 public:
  // Data, without terminators: lent, and may be overwritten. How it is cut into pieces means nothing.
  virtual void collect_incoming_data(std::span<char> lent) = 0;
  // All before the terminator has been collected.
  virtual void found_terminator() = 0;

  // From now on, behind what has been collected: data ends before this string, of 1 to 255 bytes, which is
  // copied (up to 15 bytes without memory of their own) ...
  void set_terminator(std::string_view string);
  // ... or after so many bytes; with 0 `found_terminator` comes at once (from outside a callback: within
  // this call), and must then set another one.
  void set_terminator(std::size_t bytes);
  // ... or never: all is data. So it is at first, and after a number of bytes was found.
  void clear_terminator();

 protected:
  bool handle_next(Input& input) override;
  bool due() const override { return counts_ && left_ == 0; }

 private:
  bool collect(Input& input, std::size_t size);
  std::size_t begun_terminator(std::string_view bytes) const;

  bool counts_ = false;
  std::size_t left_ = 0;  // bytes until the terminator, when they are counted
  std::string string_;    // empty when it is no string
};

}  // namespace parley
