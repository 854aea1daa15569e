#include <algorithm>

#include "fuzz/receiver_splits.h"
#include "parley/line/int_receiver.h"

namespace parley {
namespace {

// The parameter is the limit.
template <class Base>
class Strings final : public Base {
 public:
  Strings(StringTransport& transport, bool pauses, unsigned parameter)
      : Base(parameter), notes(transport, pauses) {}

  void string_received(std::string_view string) override { notes.note("\n", string); }
  void length_limit_exceeded(std::size_t length) override { notes.note("\nlong ", std::to_string(length)); }

  Notes notes;
};

// The same, as plainly as it can be said.
std::string plainly(std::string_view rest, std::size_t prefix, std::size_t most) {
  std::string text;
  while (rest.size() >= prefix) {
    std::size_t size = 0;
    for (std::size_t i = 0; i < prefix; ++i) size = size * 256 + static_cast<unsigned char>(rest[i]);
    rest.remove_prefix(prefix);
    if (size > most) {
      text += "\nlong " + std::to_string(size);
    } else {
      if (rest.size() < size) break;
      text.append("\n").append(rest.substr(0, size));
      if (rest.substr(0, size).starts_with('q')) break;
    }
    rest.remove_prefix(std::min(size, rest.size()));
  }
  return text;
}

template <class Base>
void check(const std::uint8_t* data, std::size_t size, std::size_t prefix) {
  const std::string whole = check_splits<Strings<Base>>(data, size);
  const std::string input(data + 2, data + size);
  must(whole == plainly(input, prefix, data[1]), "it is not what the format says");
}

}  // namespace
}  // namespace parley

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  parley::check<parley::Int8Receiver>(data, size, 1);
  parley::check<parley::Int16Receiver>(data, size, 2);
  parley::check<parley::Int32Receiver>(data, size, 4);
  return 0;
}
