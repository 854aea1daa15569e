#include "fuzz/receiver_splits.h"
#include "parley/line/line_only_receiver.h"

namespace parley {
namespace {

LineSettings settings(unsigned parameter) {
  static constexpr std::string_view delimiters[] = {"", "\n", "\r\n", "aab"};
  return {.delimiter = delimiters[parameter % 4], .max_length = parameter / 8 + 1};
}

class Lines final : public LineOnlyReceiver {
 public:
  Lines(StringTransport& transport, bool pauses, unsigned parameter)
      : LineOnlyReceiver(settings(parameter)),
        notes(transport, pauses),
        most_(settings(parameter).max_length) {}

  void line_received(std::string_view line) override {
    must(line.size() <= most_, "a line is too long");
    notes.note("\nline ", line);
  }
  void line_length_exceeded(std::string_view begin) override {
    must(begin.size() == most_, "the beginning of a long line is not as long as the limit");
    notes.note("\nlong ", begin);
  }

  Notes notes;

 private:
  std::size_t most_;
};

}  // namespace
}  // namespace parley

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  parley::check_splits<parley::Lines>(data, size);
  return 0;
}
