#pragma once

// What a receiver delivers must not depend on how the input was split, nor on when reading was allowed.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "fuzz/must.h"
#include "parley/reactor/string_transport.h"

namespace parley {

// Where a receiver writes down what it is given: the first thing in each callback. A "q" at the beginning of
// it closes the connection.
class Notes {
 public:
  Notes(StringTransport& transport, bool pauses) : transport_(transport), pauses_(pauses) {}

  void note(std::string_view what, std::string_view bytes) {
    must(transport_.reading(), "delivered while reading is not allowed");
    text.append(what).append(bytes);
    if (bytes.starts_with('q')) transport_.lose_connection();
    if (pauses_) transport_.pause_reading();
  }

  std::string text;

 private:
  StringTransport& transport_;
  bool pauses_;
};

// `Receiver` is made with (transport, pauses, parameter), and has `notes`.
template <class Receiver>
std::string delivered(std::string_view input, unsigned parameter, std::size_t piece, bool pauses,
                      bool resumes) {
  StringTransport transport;
  Receiver receiver(transport, pauses, parameter);
  transport.connect(receiver);
  const auto resume = [&transport] {
    transport.resume_reading();
    transport.turn();
  };
  for (std::size_t at = 0; at < input.size() && !transport.closing(); at += piece) {
    transport.receive(input.substr(at, piece));
    while (resumes && !transport.reading() && !transport.closing()) resume();
  }
  transport.receive_end();
  while (!transport.closing()) resume();
  return receiver.notes.text;
}

// The first byte is how large the pieces are, the second the receiver's parameter. Answers what was
// delivered.
template <class Receiver>
std::string check_splits(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return {};
  const std::size_t piece = 1U + data[0] % 32U;
  const std::string input(data + 2, data + size);
  const std::string whole = delivered<Receiver>(input, data[1], input.size() + 1, false, true);
  for (const bool pauses : {false, true}) {
    for (const bool resumes : {false, true}) {
      for (const std::size_t some : {std::size_t{1}, piece, input.size() + 1}) {
        must(delivered<Receiver>(input, data[1], some, pauses, resumes) == whole, "splits differ");
      }
    }
  }
  return whole;
}

}  // namespace parley
