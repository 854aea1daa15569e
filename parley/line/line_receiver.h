#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "parley/reactor/protocol.h"

namespace parley {

// How lines are cut.
struct LineSettings {
  // What ends a line; it must live as long as the program (a literal). Empty, the default: "\n" or
  // "\r\n", whichever comes, and "\r\n" for what is sent. At most 255 bytes.
  std::string_view delimiter{};
  // The longest line in bytes as they come, its end not counted; at least 1.
  std::uint32_t max_length = 16384;
};

namespace detail {
// Throws std::invalid_argument for settings that cannot be.
void require_possible(const LineSettings& settings);
}  // namespace detail

// A protocol that is given lines, and between them raw data when it asks for it. Safe in every callback:
// it may pause, close or switch, also in the middle of what has arrived. Nothing is delivered while
// `Transport::reading` is false: it waits here until `reading_resumed`. An idle receiver owns no memory but
// itself; one in the middle of a line owns at most `max_length` bytes and one read.
class LineReceiver : public Protocol {
 public:
  explicit LineReceiver(const LineSettings& settings = {});
  ~LineReceiver() override;

  // One line, without its end. The bytes are lent for the time of the call. At the end of input what has
  // come without an end is a line too.
  virtual void line_received(std::string_view line) = 0;

  // Bytes in raw mode; lent, and may be overwritten. The default drops them.
  virtual void raw_data_received(std::span<char> lent);

  // A line is longer than `max_length`: comes once for each, with what has come of it and all that
  // follows it so far. The default loses the connection. `skip_line` drops the line and goes on behind it,
  // which is also what happens when nothing is chosen; with `set_raw_mode` or `set_line_mode(rest)`, the
  // bytes given here are taken as handled, but for the rest.
  virtual void line_length_exceeded(std::string_view line);

  // From now on bytes come raw, behind the line that is being handled. From inside a callback or outside,
  // where what waits is handled at once if reading is allowed.
  void set_raw_mode();
  // Back to lines, from the same place on. `rest` comes next, before what waits: usually the end of what
  // `raw_data_received` was given, which is not copied then.
  void set_line_mode(std::string_view rest = {});

  // Hands over what has come and was not handled, behind the line that is being handled: to a filter that is
  // put under this protocol (`Transport::insert`, for STARTTLS), or to be dropped. A line of it that were
  // handled here would have come without passing the filter (RFC 3207, section 6). After the end of input the
  // connection closes as if these had been delivered, when reading is resumed.
  std::string take_rest();

  // Sends the line and its end.
  void send_line(std::string_view line);

  // What the loop calls. A derived class that must see the bytes before lines are cut hands them on to
  // `data_received`; called from a callback, that means bytes that come next.
  void data_received(std::span<char> lent) override;
  // True while lines still wait for reading to be resumed. It is called once more when they were
  // delivered, and then the connection is closed unless a derived class answers true.
  bool eof_received() override;
  void reading_resumed() override;

 protected:
  // In `line_length_exceeded`: the line is dropped up to its end, which may still be on its way.
  void skip_line();

 private:
  struct Input;

  void go_on();
  void handle_kept();
  void keep(const Input& input);
  void put_next(std::string_view bytes);
  std::size_t to_complete(std::span<const char> bytes) const;
  void handle(Input& input);
  bool handle_next(Input& input);
  bool handle_unended(Input& input);
  bool handle_too_long(Input& input);
  bool skip(Input& input);
  std::string_view delimiter() const;
  std::size_t find_delimiter(std::string_view bytes, std::size_t from) const;
  std::size_t begun_delimiter(std::string_view bytes) const;

  // Bytes that wait, on the heap; or those being handled, wherever they are (`busy_`).
  Input* input_ = nullptr;
  const char* delimiter_;
  std::uint32_t max_length_;
  std::uint8_t delimiter_size_;  // 0: "\n" or "\r\n"
  bool raw_ : 1 = false;
  bool busy_ : 1 = false;       // a callback is on its way
  bool skipping_ : 1 = false;   // the end of a line that was too long is awaited
  bool undecided_ : 1 = false;  // line_length_exceeded has not said yet how to go on
  bool ended_ : 1 = false;      // there is no more input
  bool end_waits_ : 1 = false;  // eof_received is to be called once more
};

}  // namespace parley
