#pragma once

// For tests of the receivers: the same input, split in every way, with reading paused and resumed.

#include <cstddef>
#include <functional>
#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "parley/reactor/string_transport.h"

namespace parley {

using Events = std::vector<std::string>;

// Where a receiver that is tested writes down what it was given. A word among it says what it then does:
// "pause" and "quit".
class Notes {
 public:
  explicit Notes(StringTransport& transport, bool pauses = false) : transport_(transport), pauses_(pauses) {}

  // At the beginning of each callback.
  void note(std::string_view what, std::string_view bytes) {
    EXPECT_TRUE(transport_.reading()) << what << bytes;
    EXPECT_FALSE(inside_) << "recursion: " << what << bytes;
    events.push_back(std::string(what) + std::string(bytes));
    if (bytes == "quit") transport_.lose_connection();
    if (bytes == "abort") transport_.abort_connection();
    if (pauses_ || bytes == "pause") transport_.pause_reading();
    if (!on_note) return;
    inside_ = true;
    struct Leaves {
      bool& inside;
      ~Leaves() { inside = false; }
    } const leaves{inside_};
    on_note(bytes);
  }

  Events events;
  std::function<void(std::string_view)> on_note;

 private:
  StringTransport& transport_;
  bool pauses_;
  bool inside_ = false;
};

// Makes a receiver whose notes are `Receiver::notes`, with `(transport, pauses)`.
template <class Receiver>
Events delivered(std::string_view input, const std::vector<std::size_t>& cuts, bool pauses, bool resumes) {
  StringTransport transport;
  Receiver receiver(transport, pauses);
  transport.connect(receiver);
  std::size_t at = 0;
  for (const std::size_t cut : cuts) {
    transport.receive(input.substr(at, cut - at));
    at = cut;
    while (resumes && !transport.reading() && !transport.closing()) {
      transport.resume_reading();
      transport.turn();
    }
  }
  transport.receive(input.substr(at));
  transport.receive_end();
  for (std::size_t turns = 4 * input.size() + 100; turns > 0 && !transport.closing(); --turns) {
    transport.resume_reading();
    transport.turn();
  }
  EXPECT_TRUE(transport.closing());
  return receiver.notes.events;
}

// What is delivered is `expected`, at every two cuts and byte by byte, paused in each callback or not.
template <class Receiver>
void expect_at_every_split(std::string_view input, const Events& expected) {
  std::vector<std::size_t> bytes;
  for (std::size_t i = 1; i < input.size(); ++i) bytes.push_back(i);
  for (const bool pauses : {false, true}) {
    for (const bool resumes : {false, true}) {
      ASSERT_EQ(delivered<Receiver>(input, bytes, pauses, resumes), expected) << input << " byte by byte";
      for (std::size_t i = 0; i <= input.size(); ++i) {
        for (std::size_t j = i; j <= input.size(); ++j) {
          ASSERT_EQ(delivered<Receiver>(input, {i, j}, pauses, resumes), expected)
              << input << " at " << i << " and " << j << (pauses ? ", paused" : "")
              << (resumes ? ", resumed" : "");
        }
      }
    }
  }
}

// A receiver with a transport of its own.
template <class Receiver>
struct Connected {
  template <class... Args>
  explicit Connected(Args... args) : receiver(transport, false, args...) {
    transport.connect(receiver);
  }
  const Events& events() const { return receiver.notes.events; }
  void resume() {
    transport.resume_reading();
    transport.turn();
  }

  StringTransport transport;
  Receiver receiver;
};

}  // namespace parley
