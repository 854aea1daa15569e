#include "parley/line/terminator_receiver.h"

#include <algorithm>
#include <cassert>

#include "parley/reactor/transport.h"

namespace parley {

void TerminatorReceiver::set_terminator(std::string_view string) {
  assert(!string.empty() && string.size() <= 255);
  counts_ = false;
  string_ = string;
  go_on();
}

void TerminatorReceiver::set_terminator(std::size_t bytes) {
  counts_ = true;
  left_ = bytes;
  string_.clear();
  go_on();
}

void TerminatorReceiver::clear_terminator() {
  counts_ = false;
  string_.clear();
  go_on();
}

bool TerminatorReceiver::handle_next(Input& input) {
  const std::string_view bytes = input.view();
  if (counts_) {
    if (left_ > 0) return collect(input, std::min(left_, bytes.size()));
    // Before it is told: the program sets the next one in there.
    counts_ = false;
    found_terminator();
    return true;
  }
  if (string_.empty()) return collect(input, bytes.size());
  const std::size_t found = bytes.find(string_);
  if (found == bytes.npos) return collect(input, bytes.size() - (ended() ? 0 : begun_terminator(bytes)));
  if (found > 0) return collect(input, found);
  input.take(string_.size());
  found_terminator();
  return true;
}

// False when there is nothing to collect.
bool TerminatorReceiver::collect(Input& input, std::size_t size) {
  if (size == 0) return false;
  if (counts_) left_ -= size;
  collect_incoming_data(input.take(size));
  return true;
}

// How many of the last bytes may turn out to be the beginning of the terminator.
std::size_t TerminatorReceiver::begun_terminator(std::string_view bytes) const {
  std::size_t size = std::min(bytes.size(), string_.size() - 1);
  while (!bytes.ends_with(std::string_view(string_).substr(0, size))) --size;
  return size;
}

}  // namespace parley
