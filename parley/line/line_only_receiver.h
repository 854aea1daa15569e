#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "parley/line/frame_receiver.h"
#include "parley/line/line_receiver.h"

namespace parley {

// A protocol that is given lines and never anything else: smaller and simpler than LineReceiver.
class LineOnlyReceiver : public FrameReceiver {
 public:
  explicit LineOnlyReceiver(const LineSettings& settings = {});

  // One line, without its end. The bytes are lent for the time of the call. At the end of input what has
  // come without an end is a line too.
  virtual void line_received(std::string_view line) = 0;

  // A line is longer than `max_length`: comes once for each, with its first `max_length` bytes. The default
  // loses the connection; where it stays open, the line is dropped and the next one comes.
  virtual void line_length_exceeded(std::string_view begin);

  // Sends the line and its end.
  void send_line(std::string_view line);

 protected:
  bool handle_next(Input& input) override;
  std::size_t to_complete(std::string_view bytes) const override;

 private:
  bool handle_too_long(Input& input);
  bool skip(Input& input);
  std::string_view delimiter() const;
  std::size_t begun_delimiter(std::string_view bytes) const;

  bool skipping_ = false;        // the end of a line that was too long is awaited
  std::uint8_t delimiter_size_;  // 0: "\n" or "\r\n"
  std::uint32_t max_length_;
  const char* delimiter_;
};

}  // namespace parley
