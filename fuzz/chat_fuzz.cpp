// One client sends the input in pieces, and two others of its room see whole, clean lines, both the same.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "chat/post/async_writer.h"
#include "chat/server.h"
#include "fuzz/must.h"
#include "parley/base/log.h"
#include "parley/base/print.h"
#include "parley/reactor/backends/memory.h"

namespace chat {
namespace {

using parley::must;

class NoLog final : public parley::Log {
 public:
  void write(parley::Level, std::string_view) noexcept override {}
};

// What others see of a client that sends this.
std::string seen(std::string_view input, std::size_t piece, const Config& config) {
  parley::ManualClock clock;
  parley::MemoryNetwork network(clock, 1, {});
  NoLog log;
  static AsyncWriter out([](std::string_view lines) { return lines.size(); },
                         1 << 20);  // its thread costs more than all else
  Server server(config, out, log, network.backend(), clock);
  server.listen();
  const auto turns = [&server](int count) {
    for (int i = 0; i < count; ++i) server.reactor().turn(parley::Duration::zero());
  };
  parley::MemoryPeer ann = network.connect(2626);
  parley::MemoryPeer eve = network.connect(2626);
  turns(4);
  parley::MemoryPeer sender = network.connect(2626);
  turns(4);
  ann.take();
  eve.take();
  for (std::size_t at = 0; at < input.size(); at += piece) {
    sender.send(input.substr(at, piece));
    turns(2);
  }
  sender.close();
  turns(6);
  std::string text = ann.take();
  must(eve.take() == text, "two readers see two things");
  server.shut_down();
  server.shut_down();
  server.run();
  return text;
}

void check(std::string_view text, std::string_view left) {
  must(text.ends_with(left), "who has gone is not seen to leave");
  text.remove_suffix(left.size());
  while (!text.empty()) {
    const std::size_t end = text.find("\r\n");
    must(end != text.npos && text[0] == '[', "not a whole line");
    for (const char c : text.substr(0, end)) {
      const auto byte = static_cast<unsigned char>(c);
      must((byte >= 0x20 && byte != 0x7f) || c == '\t', "a control reaches the others");
    }
    text.remove_prefix(end + 2);
  }
}

}  // namespace
}  // namespace chat

// The first byte is how large the pieces are.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  chat::Config config;
  config.line_bytes = 40;
  config.message_rate = 0;  // who floods would wait for a clock that stands
  const std::string input(data + 1, data + size);
  const std::string whole = chat::seen(input, input.size() + 1, config);
  const std::size_t name = whole.rfind("Client left ");
  parley::must(name != whole.npos, "who has gone is not seen to leave");
  chat::check(whole, std::string_view(whole).substr(name));
  parley::must(chat::seen(input, 1U + data[0] % 8U, config) == whole, "splits differ");
  return 0;
}
