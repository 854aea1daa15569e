// What a stream's reads give must not depend on how the input was split. The first byte says how, and how
// long a line may be; what is read says how to read on.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "fuzz/must.h"
#include "parley/base/log.h"
#include "parley/reactor/backends/memory.h"
#include "parley/reactor/reactor.h"
#include "parley/reactor/string_transport.h"
#include "parley/stream/error.h"
#include "parley/stream/spawn.h"
#include "parley/stream/stream.h"
#include "parley/stream/task.h"

namespace parley {
namespace {

class NoLog final : public Log {
 public:
  void write(Level, std::string_view) noexcept override {}
};

class Reader {
 public:
  Reader(Stream& stream, std::size_t limit) : stream_(stream), limit_(limit) {}

  Task<> run() {
    try {
      while (co_await step()) {
      }
      notes += "\nend";
    } catch (const LimitExceeded&) {
      notes += "\nlimit";
    } catch (const IncompleteRead& error) {
      notes += "\nonly " + error.partial();
    }
  }

  std::string notes;

 private:
  // A line says what comes next: "x" and a character, so many bytes; "u" and a text, up to that text; "f",
  // looks at what comes.
  Task<bool> step() {
    const auto line = co_await stream_.read_line(limit_);
    if (!line) co_return false;
    must(line->size() <= limit_, "a line is too long");
    const std::string said(*line);
    notes += "\nline " + said;
    const std::string_view rest = std::string_view(said).substr(std::min<std::size_t>(1, said.size()));
    if (said.starts_with('x') && !rest.empty()) {
      const std::size_t count = static_cast<unsigned char>(rest[0]) % 32U;
      const std::string bytes(co_await stream_.read_exactly(count));
      must(bytes.size() == count, "not as many bytes as were asked for");
      notes += "\nbytes " + bytes;
    } else if (said.starts_with('u') && !rest.empty()) {
      const std::string text(co_await stream_.read_until(rest, limit_ + rest.size()));
      must(text.ends_with(rest) && text.find(rest) == text.size() - rest.size(), "not the first end");
      notes += "\nuntil " + text;
    } else if (said.starts_with('f')) {
      const std::string seen(co_await stream_.fill(3));
      if (seen.size() >= 3) {
        notes += "\nfill " + seen.substr(0, 3);
        stream_.consume(2);
      }
    }
    co_return true;
  }

  Stream& stream_;
  std::size_t limit_;
};

std::string read(std::string_view input, std::size_t piece, std::size_t limit) {
  ManualClock clock;
  MemoryNetwork network(clock, 1, {});
  NoLog log;
  Reactor reactor(network.backend(), {.clock = &clock, .log = &log});
  Stream stream;
  const std::unique_ptr<Protocol> protocol = stream_protocol([&](Stream made) { stream = std::move(made); });
  StringTransport transport;
  transport.connect(*protocol);
  Reader reader(stream, limit);
  const Running<> running = spawn(reactor, reader.run());
  reactor.turn(Duration::zero());
  for (std::size_t at = 0; at < input.size() && !running.done(); at += piece) {
    transport.receive(input.substr(at, piece));
  }
  if (!running.done()) transport.receive_end();
  must(running.done(), "it waits for more than there is");
  transport.lose(Reason(Reason::Kind::aborted));
  return reader.notes;
}

}  // namespace
}  // namespace parley

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const std::string input(data + 1, data + size);
  const std::size_t limit = data[0] / 4U;
  const std::string whole = parley::read(input, input.size() + 1, limit);
  for (const std::size_t piece : {std::size_t{1}, std::size_t{2} + data[0] % 4U}) {
    parley::must(parley::read(input, piece, limit) == whole, "splits differ");
  }
  return 0;
}
