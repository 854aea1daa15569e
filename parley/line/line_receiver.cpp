#include "parley/line/line_receiver.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <memory>
#include <stdexcept>
#include <utility>
#include <vector>

#include "parley/base/print.h"
#include "parley/reactor/transport.h"

namespace parley {

// Bytes on their way through the receiver: lent ones, which pass, or a copy of those that must wait.
struct LineReceiver::Input {
  explicit Input(std::span<char> lent) : at(lent.data()), end(lent.data() + lent.size()) {}
  explicit Input(std::vector<char> bytes) : kept(std::move(bytes)) { rewind(); }

  bool empty() const { return at == end; }
  std::size_t size() const { return static_cast<std::size_t>(end - at); }
  std::string_view view() const { return {at, size()}; }

  // Hands over the first ones: they count as handled.
  std::span<char> take(std::size_t count) {
    const std::span<char> taken(at, count);
    at += count;
    searched = 0;
    return taken;
  }

  // Appends to bytes that are kept, in memory that is doubled, but only to `limit` while that is enough.
  void append(std::span<const char> bytes, std::size_t limit) {
    const std::size_t done = handled();
    const std::size_t wanted = kept.size() + bytes.size();
    if (wanted > kept.capacity()) {
      const std::size_t twice = 2 * kept.capacity();
      kept.reserve(std::max(wanted, wanted <= limit ? std::min(twice, limit) : twice));
    }
    kept.insert(kept.end(), bytes.begin(), bytes.end());
    at = kept.data() + done;
    end = kept.data() + kept.size();
  }
  std::size_t handled() const { return static_cast<std::size_t>(at - kept.data()); }

  // What a callback puts here comes next, in the order in which it is put. What the callback was lent
  // stays where it is until `settle`.
  void put_next(std::string_view bytes) {
    if (empty() && next.empty() && bytes.data() + bytes.size() == end) {
      at -= bytes.size();  // the end of what was handed over, given back
      given_back = true;
      return;
    }
    if (given_back) {  // no longer the last: it is put like the others
      next.assign(at, end);
      at = end;
      given_back = false;
    }
    next.insert(next.end(), bytes.begin(), bytes.end());
  }

  // All that is left, which then is handled.
  std::string take_all() {
    std::string all(next.begin(), next.end());
    all.append(at, end);
    if (behind != nullptr) all.append(behind->begin(), behind->end());
    if (behind != nullptr) *behind = {};
    next.clear();
    at = end;
    searched = 0;
    given_back = false;
    return all;
  }

  // After each callback.
  void settle() {
    given_back = false;
    if (next.empty()) return;
    next.insert(next.end(), at, end);
    kept = std::exchange(next, {});
    rewind();
  }

  void rewind() {
    at = kept.data();
    end = kept.data() + kept.size();
    searched = 0;
  }

  std::vector<char> kept;
  char* at;  // what is left: in `kept`, or lent
  char* end;
  std::size_t searched = 0;  // so many of these hold no beginning of a line's end
  std::vector<char> next;
  std::span<char>* behind = nullptr;  // what was lent and follows
  bool given_back = false;
};

void detail::require_possible(const LineSettings& settings) {
  if (settings.delimiter.size() > 255) {
    throw std::invalid_argument(
        concat("LineSettings: a delimiter has at most 255 bytes, not ", settings.delimiter.size()));
  }
  if (settings.max_length == 0) throw std::invalid_argument("LineSettings: a line has at least 1 byte");
}

LineReceiver::LineReceiver(const LineSettings& settings)
    : delimiter_(settings.delimiter.data()),
      max_length_(settings.max_length),
      delimiter_size_(static_cast<std::uint8_t>(settings.delimiter.size())) {
  detail::require_possible(settings);
}

LineReceiver::~LineReceiver() {
  assert(!busy_);
  delete input_;
}

std::string LineReceiver::take_rest() {
  if (input_ == nullptr) return {};
  std::string rest = input_->take_all();
  if (!busy_) delete std::exchange(input_, nullptr);
  return rest;
}

void LineReceiver::raw_data_received(std::span<char> /*lent*/) {}

void LineReceiver::line_length_exceeded(std::string_view /*line*/) {
  transport().lose_connection();
}

void LineReceiver::set_raw_mode() {
  raw_ = true;
  undecided_ = false;
  if (!busy_) go_on();
}

void LineReceiver::set_line_mode(std::string_view rest) {
  raw_ = false;
  undecided_ = false;
  put_next(rest);
  if (!busy_) go_on();
}

void LineReceiver::skip_line() {
  skipping_ = true;
}

void LineReceiver::send_line(std::string_view line) {
  transport().writelines(std::array{line, delimiter_size_ == 0 ? std::string_view("\r\n") : delimiter()});
}

void LineReceiver::data_received(std::span<char> lent) {
  if (busy_) return put_next({lent.data(), lent.size()});
  // A line that has begun is completed where it is kept; what follows it is handled where it lies.
  while (input_ != nullptr && !lent.empty()) {
    const std::size_t some = to_complete(lent);
    input_->append(lent.first(some), std::size_t{max_length_} + delimiter().size());
    lent = lent.subspan(some);
    input_->behind = &lent;
    go_on();
    if (input_ != nullptr) input_->behind = nullptr;
  }
  if (lent.empty()) return;
  Input passing(lent);
  handle(passing);
  if (!passing.empty()) keep(passing);
}

bool LineReceiver::eof_received() {
  assert(!busy_);
  ended_ = true;
  handle_kept();
  return end_waits_ = input_ != nullptr;
}

void LineReceiver::reading_resumed() {
  if (!busy_) go_on();
}

void LineReceiver::go_on() {
  const bool last = end_waits_ || (ended_ && input_ != nullptr);
  handle_kept();
  if (last && input_ == nullptr && !eof_received()) transport().lose_connection();
}

void LineReceiver::handle_kept() {
  if (input_ == nullptr) return;
  std::unique_ptr<Input> input(input_);
  handle(*input);
  if (input->empty()) return;
  if (input->handled() < input->size()) {
    input_ = input.release();
  } else {
    keep(*input);  // a few bytes do not hold a large block; each copied one pays for one handled
  }
}

void LineReceiver::keep(const Input& input) {
  input_ = new Input(std::vector<char>(input.at, input.end));
}

// Bytes that come before all that has not been handled.
void LineReceiver::put_next(std::string_view bytes) {
  if (bytes.empty()) return;
  if (busy_) return input_->put_next(bytes);
  std::vector<char> all(bytes.begin(), bytes.end());
  const std::unique_ptr<Input> waiting(std::exchange(input_, nullptr));
  if (waiting != nullptr) all.insert(all.end(), waiting->at, waiting->end);
  input_ = new Input(std::move(all));
}

// How many of the bytes complete the line that is kept, or nearly. It is right with any number.
std::size_t LineReceiver::to_complete(std::span<const char> bytes) const {
  if (raw_ || skipping_ || !transport().reading()) return bytes.size();
  const std::size_t found = std::string_view(bytes.data(), bytes.size()).find(delimiter().back());
  // One that is too long is told with all that follows it.
  if (found >= bytes.size() || input_->size() + found > max_length_) return bytes.size();
  return found + 1;
}

// As much of the input as may be handled now.
void LineReceiver::handle(Input& input) {
  struct Busy {
    Busy(LineReceiver& r, Input& i) : receiver(r) {
      receiver.input_ = &i;
      receiver.busy_ = true;
    }
    ~Busy() {  // an exception too: what was to be handled is dropped with the connection
      receiver.input_ = nullptr;
      receiver.busy_ = false;
    }
    LineReceiver& receiver;
  } busy(*this, input);
  while (!input.empty() && (skipping_ ? skip(input) : handle_next(input))) input.settle();
}

// One line, or all when raw. False when there is nothing to do for now.
bool LineReceiver::handle_next(Input& input) {
  if (!transport().reading()) return false;
  if (raw_) {
    raw_data_received(input.take(input.size()));
    return true;
  }
  const std::string_view bytes = input.view();
  const std::size_t end = find_delimiter(bytes, input.searched);
  if (end == bytes.npos) return handle_unended(input);
  const bool with_return = delimiter_size_ == 0 && end > 0 && bytes[end - 1] == '\r';
  const std::size_t length = with_return ? end - 1 : end;
  if (length > max_length_) return handle_too_long(input);
  input.take(end + delimiter().size());
  line_received({bytes.data(), length});
  return true;
}

// A line whose end has not come, or never will.
bool LineReceiver::handle_unended(Input& input) {
  const std::string_view bytes = input.view();
  // An end that has begun is not part of the line, unless nothing more comes.
  if (bytes.size() > max_length_ && (ended_ || bytes.size() - begun_delimiter(bytes) > max_length_)) {
    return handle_too_long(input);
  }
  if (ended_) {
    input.take(bytes.size());
    line_received(bytes);
    return true;
  }
  // The end may have begun in the last bytes: those are searched again.
  input.searched = bytes.size() - std::min(bytes.size(), delimiter().size() - 1);
  return false;
}

bool LineReceiver::handle_too_long(Input& input) {
  char* const begin = input.at;
  undecided_ = true;
  const std::span<char> all = input.take(input.size());
  line_length_exceeded({all.data(), all.size()});
  // No mode was chosen: the rest of this line is dropped, and not taken for the next one.
  if (undecided_) skipping_ = true;
  if (skipping_) input.at = begin;
  return true;
}

// Drops what belongs to a line that was too long. False when its end has not come.
bool LineReceiver::skip(Input& input) {
  const std::string_view bytes = input.view();
  const std::size_t end = find_delimiter(bytes, 0);
  if (end != bytes.npos) {
    input.take(end + delimiter().size());
    skipping_ = false;
    return true;
  }
  input.take(bytes.size() - (ended_ ? 0 : begun_delimiter(bytes)));
  return false;
}

// What ends a line; for "\n" or "\r\n", the part that is always there.
std::string_view LineReceiver::delimiter() const {
  return delimiter_size_ == 0 ? std::string_view("\n") : std::string_view(delimiter_, delimiter_size_);
}

// One character is found faster than a text of one.
std::size_t LineReceiver::find_delimiter(std::string_view bytes, std::size_t from) const {
  const std::string_view wanted = delimiter();
  return wanted.size() == 1 ? bytes.find(wanted.front(), from) : bytes.find(wanted, from);
}

// How many of the last bytes may turn out to be the beginning of the line's end.
std::size_t LineReceiver::begun_delimiter(std::string_view bytes) const {
  if (delimiter_size_ == 0) return bytes.ends_with('\r') ? 1 : 0;
  std::size_t size = std::min(bytes.size(), delimiter().size() - 1);
  while (!bytes.ends_with(delimiter().substr(0, size))) --size;
  return size;
}

}  // namespace parley
