#include <utility>

#include "fuzz/receiver_splits.h"
#include "parley/line/terminator_receiver.h"

namespace parley {
namespace {

// What was collected says what ends the next: "n" and a character, so many bytes; "s", what follows it; "c",
// nothing ever.
class Collector final : public TerminatorReceiver {
 public:
  Collector(StringTransport& transport, bool pauses, unsigned parameter)
      : notes(transport, pauses), transport_(transport), pauses_(pauses) {
    if (parameter % 2 == 0) {
      set_terminator("aab");
    } else {
      set_terminator(parameter);
    }
  }

  void collect_incoming_data(std::span<char> lent) override {
    must(transport_.reading() && !lent.empty(), "delivered while reading is not allowed, or nothing");
    collected_.append(lent.data(), lent.size());
    if (pauses_) transport_.pause_reading();
  }
  void found_terminator() override {
    const std::string data = std::exchange(collected_, {});
    notes.note("\nfound ", data);
    if (data.size() > 1 && data[0] == 'n') {
      set_terminator(static_cast<unsigned char>(data[1]) % 16U);
    } else if (data.size() > 1 && data[0] == 's') {
      set_terminator(std::string_view(data).substr(1, 20));
    } else if (data.starts_with('c')) {
      clear_terminator();
    } else {
      set_terminator("ab");
    }
  }
  bool eof_received() override {
    const bool waits = TerminatorReceiver::eof_received();
    if (!waits && !transport_.closing()) notes.text += "\nend " + std::exchange(collected_, {});
    return waits;
  }

  Notes notes;

 private:
  StringTransport& transport_;
  bool pauses_;
  std::string collected_;
};

}  // namespace
}  // namespace parley

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  parley::check_splits<parley::Collector>(data, size);
  return 0;
}
