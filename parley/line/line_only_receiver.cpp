#include "parley/line/line_only_receiver.h"

#include <algorithm>
#include <array>

#include "parley/reactor/transport.h"

namespace parley {

LineOnlyReceiver::LineOnlyReceiver(const LineSettings& settings)
    : delimiter_size_(static_cast<std::uint8_t>(settings.delimiter.size())),
      max_length_(settings.max_length),
      delimiter_(settings.delimiter.data()) {
  detail::require_possible(settings);
}

void LineOnlyReceiver::line_length_exceeded(std::string_view /*begin*/) {
  transport().lose_connection();
}

void LineOnlyReceiver::send_line(std::string_view line) {
  transport().writelines(std::array{line, delimiter_size_ == 0 ? std::string_view("\r\n") : delimiter()});
}

bool LineOnlyReceiver::handle_next(Input& input) {
  if (skipping_) return skip(input);
  const std::string_view bytes = input.view();
  const std::size_t end = bytes.find(delimiter(), input.searched);
  std::size_t length = std::min(end, bytes.size());
  if (end == bytes.npos && !ended()) {
    // An end that has begun is not part of the line.
    if (length > max_length_ && length - begun_delimiter(bytes) > max_length_) return handle_too_long(input);
    // The end may have begun in the last bytes: those are searched again.
    input.searched = length - std::min(length, delimiter().size() - 1);
    return false;
  }
  if (bytes.empty()) return false;
  if (end != bytes.npos && delimiter_size_ == 0 && bytes.substr(0, end).ends_with('\r')) --length;
  if (length > max_length_) return handle_too_long(input);
  input.take(end == bytes.npos ? length : end + delimiter().size());
  line_received(bytes.substr(0, length));
  return true;
}

bool LineOnlyReceiver::handle_too_long(Input& input) {
  const std::string_view begin = input.view().substr(0, max_length_);
  input.take(max_length_);
  skipping_ = true;
  line_length_exceeded(begin);
  return true;
}

// Drops what belongs to a line that was too long. False when its end has not come.
bool LineOnlyReceiver::skip(Input& input) {
  const std::string_view bytes = input.view();
  const std::size_t end = bytes.find(delimiter());
  if (end != bytes.npos) {
    input.take(end + delimiter().size());
    skipping_ = false;
    return true;
  }
  input.take(bytes.size() - begun_delimiter(bytes));
  return false;
}

// Only as much is copied to what is kept as may end its line: what follows is handled where it lies.
std::size_t LineOnlyReceiver::to_complete(std::string_view bytes) const {
  const std::size_t end = bytes.find(delimiter().back());
  return end == bytes.npos ? bytes.size() : end + 1;
}

// What ends a line; for "\n" or "\r\n", the part that is always there.
std::string_view LineOnlyReceiver::delimiter() const {
  return delimiter_size_ == 0 ? std::string_view("\n") : std::string_view(delimiter_, delimiter_size_);
}

// How many of the last bytes may turn out to be the beginning of the line's end.
std::size_t LineOnlyReceiver::begun_delimiter(std::string_view bytes) const {
  if (delimiter_size_ == 0) return bytes.ends_with('\r') ? 1 : 0;
  std::size_t size = std::min(bytes.size(), delimiter().size() - 1);
  while (!bytes.ends_with(delimiter().substr(0, size))) --size;
  return size;
}

}  // namespace parley
