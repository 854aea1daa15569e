#include <regex>

#include "fuzz/receiver_splits.h"
#include "parley/line/netstring_receiver.h"

namespace parley {
namespace {

class Strings final : public NetstringReceiver {
 public:
  Strings(StringTransport& transport, bool pauses, unsigned parameter)
      : NetstringReceiver(parameter), notes(transport, pauses) {}

  void string_received(std::string_view string) override { notes.note("\n", string); }
  void malformed(std::string_view /*why*/) override { notes.note("\nmalformed", ""); }

  Notes notes;
};

// The same, as plainly as it can be said.
std::string plainly(std::string rest, std::size_t most) {
  static const std::regex length("^(0|[1-9][0-9]*):");
  static const std::regex begun("^(0|[1-9][0-9]*)?$");
  std::string text;
  for (std::smatch match; !rest.empty();) {
    const std::string head = rest.substr(0, 12);
    if (!std::regex_search(head, match, length)) {
      const bool may_come = std::regex_search(rest, begun) && rest.size() < 12 && std::stoull(rest) <= most;
      return text + (may_come ? "" : "\nmalformed");
    }
    const std::size_t size = std::stoull(match[1]);
    const auto at = static_cast<std::size_t>(match.length());
    if (size > most) return text + "\nmalformed";
    if (rest.size() <= at + size) return text;
    if (rest[at + size] != ',') return text + "\nmalformed";
    text += "\n" + rest.substr(at, size);
    if (size > 0 && rest[at] == 'q') return text;
    rest.erase(0, at + size + 1);
  }
  return text;
}

}  // namespace
}  // namespace parley

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string whole = parley::check_splits<parley::Strings>(data, size);
  if (size < 2) return 0;
  const std::string input(data + 2, data + size);
  parley::must(whole == parley::plainly(input, data[1]), "it is not what the format says");
  return 0;
}
