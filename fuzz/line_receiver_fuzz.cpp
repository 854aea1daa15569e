// What LineReceiver delivers must not depend on how the input was split, nor on when reading was allowed.
// (The model that says what it must deliver is in parley/line/line_receiver_model_test.cpp.)

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "fuzz/must.h"
#include "parley/line/line_receiver.h"
#include "parley/reactor/string_transport.h"

namespace parley {
namespace {

// Does what the lines say: "rN..." takes as many raw bytes as N's value modulo 16, "i" puts bytes that come
// next, "q" closes.
class Obedient : public LineReceiver {
 public:
  Obedient(const LineSettings& settings, StringTransport& transport, bool pauses)
      : LineReceiver(settings), max_length_(settings.max_length), transport_(transport), pauses_(pauses) {}

  void line_received(std::string_view line) override {
    must(line.size() <= max_length_, "a line is too long");
    note("\nline ", line);
    if (line.size() > 1 && line[0] == 'r') {
      raw_left_ = static_cast<std::size_t>(line[1]) % 16;
      if (raw_left_ == 0) return;
      notes += "\nraw ";
      set_raw_mode();
    } else if (line == "i") {
      set_line_mode("in\nser\r\nt");
    } else if (line == "q") {
      transport_.lose_connection();
    }
  }
  void raw_data_received(std::span<char> lent) override {
    const std::size_t some = std::min(raw_left_, lent.size());
    note("", {lent.data(), some});
    std::fill_n(lent.begin(), some, 'X');
    raw_left_ -= some;
    if (raw_left_ == 0) set_line_mode({lent.data() + some, lent.size() - some});
  }
  void line_length_exceeded(std::string_view line) override {
    must(line.size() > max_length_, "a line is not too long");
    note("\nlong ", line.substr(0, max_length_));
    if (line[0] == 's') skip_line();
    if (line[0] == 'b') set_line_mode(line.substr(1));
  }

  std::string notes;

 private:
  void note(std::string_view what, std::string_view bytes) {
    must(transport_.reading(), "delivered while reading is not allowed");
    notes.append(what).append(bytes);
    if (pauses_) transport_.pause_reading();
  }

  const std::size_t max_length_;
  StringTransport& transport_;
  const bool pauses_;
  std::size_t raw_left_ = 0;
};

std::string delivered(const LineSettings& settings, std::string_view input, std::size_t piece, bool pauses,
                      bool resumes) {
  StringTransport transport;
  Obedient receiver(settings, transport, pauses);
  transport.connect(receiver);
  const auto resume = [&transport] {
    transport.resume_reading();
    transport.turn();
  };
  for (std::size_t at = 0; at < input.size(); at += piece) {
    transport.receive(input.substr(at, piece));
    while (resumes && !transport.reading() && !transport.closing()) resume();
  }
  transport.receive_end();
  while (!transport.closing()) resume();
  return receiver.notes;
}

}  // namespace
}  // namespace parley

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  static constexpr std::string_view delimiters[] = {"", "\n", "\r\n", "aab"};
  const parley::LineSettings settings{.delimiter = delimiters[data[0] % 4], .max_length = data[0] / 8U + 1U};
  const std::size_t piece = 1U + data[1] % 32U;
  const std::string input(data + 2, data + size);
  const std::string whole = parley::delivered(settings, input, input.size() + 1, false, true);
  for (const bool pauses : {false, true}) {
    for (const bool resumes : {false, true}) {
      for (const std::size_t some : {std::size_t{1}, piece, input.size() + 1}) {
        parley::must(parley::delivered(settings, input, some, pauses, resumes) == whole, "splits differ");
      }
    }
  }
  return 0;
}
