#include <cstddef>
#include <cstdint>

#include "fuzz/line_input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  chat::check_line_input({data, size});
  return 0;
}
