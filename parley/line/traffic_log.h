#pragma once

#include <functional>
#include <iosfwd>
#include <string_view>

#include "parley/base/log.h"
#include "parley/reactor/filter.h"

namespace parley {

// How what passes is written down.
enum class TrafficForm : unsigned char {
  text,  // one line for each piece: `192.0.2.1:5000 > hello\r\n`
  hex,   // sixteen bytes a line, with their place in the piece, as hexadecimal numbers and as characters
};

// Takes one line, without its end; called on the reactor's thread. What it throws ends the connection.
using TrafficSink = std::function<void(std::string_view line)>;

// A filter that writes down what passes: `>` is sent, `<` is received, `connected` and `lost: ...` say when.
// What is written in a turn leaves together, and is one piece. For finding faults: it is slow, and it tells
// everything.
Wrap log_traffic(TrafficSink sink, TrafficForm form = TrafficForm::text);
// The same to a log, at that level; it must live as long as the connections.
Wrap log_traffic(Log& log, TrafficForm form = TrafficForm::text, Level level = Level::debug);
// The same to a stream, which is flushed after each line, and must live as long as the connections.
Wrap log_traffic(std::ostream& out, TrafficForm form = TrafficForm::text);

}  // namespace parley
