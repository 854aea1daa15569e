// What a file over a socket gives must not depend on how it buffers. The first byte says how long a line may
// be; what is read says how to read on.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "fuzz/must.h"
#include "parley/socket/create.h"
#include "parley/socket/file.h"
#include "parley/socket/socket.h"

namespace parley {
namespace {

std::string taken(std::string& rest, std::size_t count) {
  std::string some = rest.substr(0, count);
  rest.erase(0, some.size());
  return some;
}

// "x" and a character: so many bytes.
std::size_t wanted(std::string_view line) {
  return line.size() > 1 && line[0] == 'x' ? static_cast<unsigned char>(line[1]) % 32U : 0;
}

std::string plainly(std::string rest, std::size_t limit) {
  std::string notes;
  while (!rest.empty()) {
    const std::size_t end = rest.find('\n');
    const std::string line = taken(rest, std::min(end == rest.npos ? rest.size() : end + 1, limit));
    notes += "\nline " + line + "\nbytes " + taken(rest, wanted(line));
  }
  return notes;
}

std::string read(std::string_view input, std::size_t limit, std::size_t buffer) {
  auto [reader, writer] = socketpair();
  writer.sendall(input);
  writer.close();
  SocketFile file = reader.makefile({.read_buffer = buffer});
  std::string notes;
  for (std::string line = file.readline(limit); !line.empty(); line = file.readline(limit)) {
    const std::string bytes = file.read(wanted(line));
    notes += "\nline ";
    notes += line;
    notes += "\nbytes ";
    notes += bytes;
  }
  must(file.read().empty(), "it is over, and more comes");
  return notes;
}

}  // namespace
}  // namespace parley

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1 || size > 4096) return -1;
  const std::string input(data + 1, data + size);
  const std::size_t limit = 1U + data[0];
  const std::string expected = parley::plainly(input, limit);
  for (const std::size_t buffer : {std::size_t{0}, std::size_t{1}, std::size_t{7}, std::size_t{8192}}) {
    parley::must(parley::read(input, limit, buffer) == expected, "it is not what was sent");
  }
  return 0;
}
