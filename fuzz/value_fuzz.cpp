// Sizes and times of the configuration.

#include <cstddef>
#include <cstdint>
#include <string>

#include "chat/config/value.h"
#include "fuzz/must.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using parley::must;
  const std::string text(data, data + size);
  if (const auto bytes = chat::parse_size(text)) {
    must(*bytes >= 0, "a size is negative");
    must(chat::parse_size(chat::size_text(*bytes)) == bytes, "a size prints as another");
  }
  if (const auto time = chat::parse_time(text)) {
    must(*time >= parley::Duration::zero(), "a time is negative");
    must(chat::parse_time(chat::time_text(*time)) == time, "a time prints as another");
    must(*time <= std::chrono::hours(24 * 1000), "a time is too long");
  }
  return 0;
}
