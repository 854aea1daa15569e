#include "fuzz/receiver_splits.h"
#include "parley/line/stateful_receiver.h"

namespace parley {
namespace {

// A byte says how many follow, or that a state without bytes comes first.
class States final : public StatefulReceiver {
 public:
  States(StringTransport& transport, bool pauses, unsigned parameter)
      : notes(transport, pauses), modulo_(parameter % 64 + 1) {}

  Notes notes;

 private:
  State initial_state() override { return {&States::size, 1}; }
  State size(std::string_view byte) {
    must(byte.size() == 1, "not as many bytes as were asked for");
    notes.note("\nsize ", byte);
    wanted_ = static_cast<unsigned char>(byte[0]) % modulo_;
    if (wanted_ == 1) return {&States::nothing, 0};
    return {&States::body, wanted_};
  }
  State nothing(std::string_view bytes) {
    notes.note("\nnothing", bytes);
    return {&States::body, wanted_};
  }
  State body(std::string_view bytes) {
    must(bytes.size() == wanted_, "not as many bytes as were asked for");
    notes.note("\nbody ", bytes);
    return {&States::size, 1};
  }

  unsigned modulo_;
  std::size_t wanted_ = 0;
};

}  // namespace
}  // namespace parley

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  parley::check_splits<parley::States>(data, size);
  return 0;
}
