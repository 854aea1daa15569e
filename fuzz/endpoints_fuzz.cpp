// What is read prints as a string that says the same; what is not, is wrong at a place in the text.

#include <cstdint>
#include <string>
#include <string_view>

#include "fuzz/must.h"
#include "parley/service/endpoints.h"

namespace parley {
namespace {

template <class Endpoint>
void check(std::string_view text) {
  const auto parsed = Endpoint::parse(text);
  if (!parsed) {
    const std::size_t column = parsed.error().column();
    must(column >= 1 && column <= text.size() + 1, "the column is not in the text");
    const std::string_view says = parsed.error().what();
    must(says.find_first_of("\n\r") == says.npos, "the message is more than a line");
    return;
  }
  const auto again = Endpoint::parse(concat(*parsed));
  must(again && *again == *parsed, "it prints as something else");
}

}  // namespace
}  // namespace parley

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(data, data + size);
  parley::check<parley::ServerEndpoint>(text);
  parley::check<parley::ClientEndpoint>(text);
  return 0;
}
