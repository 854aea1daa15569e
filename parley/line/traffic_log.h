#pragma once

#include <functional>
#include <iosfwd>
#include <memory>
#include <string_view>
#include <utility>

#include "parley/base/log.h"
#include "parley/line/wrapping_factory.h"

namespace parley {

// How what passes is written down.
enum class TrafficForm : unsigned char {
  text,  // one line for each piece: `192.0.2.1:5000 > hello\r\n`
  hex,   // sixteen bytes a line, with their place in the piece, as hexadecimal numbers and as characters
};

// Writes down what passes between protocols and their peers, in the order in which it does: `>` is sent, `<`
// is received, `connected` and `lost: ...` say when. For finding faults: it is slow, and it tells everything.
class TrafficLoggingFactory final : public WrappingFactory {
 public:
  // Takes one line, without its end; called on the reactor's thread. What it throws ends the connection.
  using Sink = std::function<void(std::string_view line)>;

  TrafficLoggingFactory(std::shared_ptr<Factory> inner, Sink sink, TrafficForm form = TrafficForm::text)
      : WrappingFactory(std::move(inner)),
        sink_(std::make_shared<const Sink>(std::move(sink))),
        form_(form) {}
  // To a log, at that level; it must live as long as the connections.
  TrafficLoggingFactory(std::shared_ptr<Factory> inner, Log& log, TrafficForm form = TrafficForm::text,
                        Level level = Level::debug);
  // To a stream; it must live as long as the connections.
  TrafficLoggingFactory(std::shared_ptr<Factory> inner, std::ostream& out,
                        TrafficForm form = TrafficForm::text);

 private:
  std::unique_ptr<Protocol> wrap(std::unique_ptr<Protocol> made, const Address& peer) override;

  std::shared_ptr<const Sink> sink_;  // the connections' too, which may outlive the factory
  TrafficForm form_;
};

}  // namespace parley
