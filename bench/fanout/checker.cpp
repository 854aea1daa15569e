#include "bench/fanout/checker.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>

namespace bench {

namespace {

constexpr std::string_view filler = "parley benchmark filler";
constexpr std::size_t tape_room = 1024 * 1024;  // how much the tape grows before it is trimmed

void append_hex(std::string& out, std::uint64_t value, int digits) {
  for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4) out += "0123456789abcdef"[(value >> shift) & 15];
}

// Reads "k=HEX " with the given number of digits off the front of the text.
bool take_hex(std::string_view& text, char key, std::size_t digits, std::uint64_t& value) {
  if (text.size() < digits + 3 || text[0] != key || text[1] != '=' || text[digits + 2] != ' ') return false;
  const char* begin = text.data() + 2;
  const auto [end, error] = std::from_chars(begin, begin + digits, value, 16);
  text.remove_prefix(digits + 3);
  return error == std::errc{} && end == begin + digits;
}

}  // namespace

Checker::Checker(const std::vector<Origin>& origins, std::size_t clients, std::size_t window)
    : receivers_(clients),
      window_(std::bit_ceil(window)),
      flights_(origins.size() * window_),
      next_at_begin_(origins.size()),
      next_at_end_(origins.size()) {
  const std::size_t stride = std::max<std::size_t>(1, clients / 100);
  for (std::size_t i = 0; i < clients; ++i) receivers_[i].sampled = i % stride == 0;
  for (const Origin& origin : origins) {
    senders_.push_back({origin.name, origin.client});
    leave_tape(receivers_[origin.client]);
  }
}

void Checker::write(std::size_t index, std::uint64_t time, std::string& out) {
  Sender& sender = senders_[index];
  const std::size_t begin = out.size();
  append_hex(out += "s=", index, 4);
  append_hex(out += " q=", sender.sent, 12);
  append_hex(out += " t=", time, 16);
  out += ' ';
  out += filler.substr(0, message_size - (out.size() - begin));
  out += "\r\n";
  flight(index, sender.sent) = {time, 0};
  ++sender.sent;
}

void Checker::receive(std::size_t client, std::string_view bytes, std::uint64_t time) {
  Receiver& receiver = receivers_[client];
  ++reads_;
  time_ = time;
  std::string joined;
  if (!receiver.rest.empty()) bytes = joined = receiver.rest.append(bytes);
  if (receiver.on_tape) bytes.remove_prefix(compare(receiver, bytes));
  if (!receiver.on_tape) bytes.remove_prefix(parse_all(receiver, bytes));
  receiver.rest.assign(bytes);
}

// Compares whole lines with the tape, and appends to it those that nobody else has received yet. Answers how
// many bytes were good; a receiver that has something else leaves the tape.
std::size_t Checker::compare(Receiver& receiver, std::string_view bytes) {
  const std::string_view known = std::string_view(tape_).substr(receiver.offset - tape_begin_);
  const std::size_t same = std::min(known.size(), bytes.size());
  if (std::memcmp(known.data(), bytes.data(), same) != 0) return leave_tape(receiver), 0;
  const std::uint64_t begin = receiver.offset;
  for (; receiver.line < lines_begin_ + lines_.size(); ++receiver.line) {
    const Line& line = lines_[receiver.line - lines_begin_];
    if (line.end > begin + same) break;
    count(receiver, line.sender, line.sequence);
    receiver.offset = line.end;
  }
  std::size_t used = receiver.offset - begin;
  if (same < known.size()) return used;
  for (std::size_t end; (end = bytes.find('\n', used)) != bytes.npos; used = end + 1) {
    const std::string_view text = bytes.substr(used, end + 1 - used);
    std::optional<Line> line = parse(text);
    if (!line || !is_next(*line)) return leave_tape(receiver), used;
    if (line->sender != nobody) ++next_at_end_[line->sender];
    tape_.append(text);
    line->end = receiver.offset += text.size();
    lines_.push_back(*line);
    ++receiver.line;
    count(receiver, line->sender, line->sequence);
  }
  if (tape_.size() >= trim_at_) trim_tape();
  return used;
}

// Whether it comes next on the tape.
bool Checker::is_next(const Line& line) const {
  return line.sender == nobody || line.sequence == next_at_end_[line.sender];
}

std::size_t Checker::parse_all(Receiver& receiver, std::string_view bytes) {
  std::size_t used = 0;
  for (std::size_t end; (end = bytes.find('\n', used)) != bytes.npos; used = end + 1) {
    const std::optional<Line> line = parse(bytes.substr(used, end + 1 - used));
    if (line && line->sender == nobody) continue;
    if (!line || senders_[line->sender].client == static_cast<std::size_t>(&receiver - receivers_.data())) {
      ++cut_;
      continue;
    }
    std::uint64_t& next = receiver.next[line->sender];
    if (line->sequence < next)
      ++reordered_;
    else
      next = line->sequence + 1;
    count(receiver, line->sender, line->sequence);
  }
  return used;
}

// Answers the sender and the sequence of a line that is, to the byte, a message in flight, or a notice.
std::optional<Checker::Line> Checker::parse(std::string_view line) {
  if (std::find(notices_.begin(), notices_.end(), line) != notices_.end()) return Line{0, nobody, 0};
  const std::size_t size = message_size + 2;
  if (line.size() < size) return std::nullopt;
  const std::string_view name = line.substr(0, line.size() - size);
  std::string_view text = line.substr(name.size());
  std::uint64_t index, sequence, time;
  if (!take_hex(text, 's', 4, index) || !take_hex(text, 'q', 12, sequence) ||
      !take_hex(text, 't', 16, time)) {
    return std::nullopt;
  }
  if (index >= senders_.size()) return std::nullopt;
  const Sender& sender = senders_[index];
  if (sequence >= sender.sent || sequence + window_ < sender.sent) return std::nullopt;
  if (time != flight(index, sequence).time || name != sender.name) return std::nullopt;
  if (!text.ends_with("\r\n") || !filler.starts_with(text.substr(0, text.size() - 2))) return std::nullopt;
  return Line{0, index, sequence};
}

// From here on the receiver's lines are parsed; what is expected of each sender follows from where it stood.
void Checker::leave_tape(Receiver& receiver) {
  receiver.on_tape = false;
  receiver.next = next_at_begin_;
  for (std::uint64_t i = lines_begin_; i < receiver.line; ++i) {
    const Line& line = lines_[i - lines_begin_];
    if (line.sender != nobody) receiver.next[line.sender] = line.sequence + 1;
  }
}

// Forgets what every receiver on the tape has passed.
void Checker::trim_tape() {
  std::uint64_t offset = tape_begin_ + tape_.size();
  std::uint64_t first = lines_begin_ + lines_.size();
  for (const Receiver& receiver : receivers_) {
    if (!receiver.on_tape) continue;
    offset = std::min(offset, receiver.offset);
    first = std::min(first, receiver.line);
  }
  const auto passed = static_cast<std::ptrdiff_t>(first - lines_begin_);
  for (auto line = lines_.begin(); line != lines_.begin() + passed; ++line) {
    if (line->sender != nobody) next_at_begin_[line->sender] = line->sequence + 1;
  }
  lines_.erase(lines_.begin(), lines_.begin() + passed);
  tape_.erase(0, offset - tape_begin_);
  lines_begin_ = first;
  tape_begin_ = offset;
  trim_at_ = 2 * tape_.size() + tape_room;
}

void Checker::count(const Receiver& receiver, std::size_t sender, std::uint64_t sequence) {
  if (sender == nobody) return;
  Flight& message = flight(sender, sequence);
  ++deliveries_;
  if (receiver.sampled) latency_.add(time_ - message.time);
  if (++message.received == receivers_.size() - 1) ++senders_[sender].done;
}

bool Checker::nothing_in_flight() const {
  return std::all_of(senders_.begin(), senders_.end(), [](const Sender& s) { return s.sent == s.done; });
}

std::size_t Checker::on_tape() const {
  return static_cast<std::size_t>(std::count_if(receivers_.begin(), receivers_.end(),
                                                [](const Receiver& receiver) { return receiver.on_tape; }));
}

std::uint64_t Checker::lost() const {
  std::uint64_t sent = 0;
  for (const Sender& sender : senders_) sent += sender.sent;
  const std::uint64_t expected = sent * (receivers_.size() - 1);
  return expected > deliveries_ ? expected - deliveries_ : 0;
}

}  // namespace bench
