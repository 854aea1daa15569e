#pragma once

#include <optional>
#include <vector>

#include "parley/base/clock.h"

namespace parley {

class Socket;

// A socket or any open descriptor (standard input is 0), for `select`. Refers to it, and owns nothing.
class Selectable {
 public:
  Selectable(const Socket& socket);
  Selectable(int descriptor) : descriptor_(descriptor) {}

  int fileno() const { return descriptor_; }
  bool operator==(const Selectable&) const = default;

 private:
  int descriptor_;
};

// What is ready of what was asked for, in the order in which it was asked for.
struct Selected {
  std::vector<Selectable> read;
  std::vector<Selectable> write;
  std::vector<Selectable> except;
};

// Waits until something of `read` can be read (or accepted), of `write` be written, or has something
// exceptional in `except` (urgent data). Without a timeout it waits for ever; with zero it does not; after
// the timeout all three lists are empty. Signals neither end nor lengthen it. Throws SocketError for a
// descriptor that is not open or too large (FD_SETSIZE, 1024: more is for the selectors and the reactor),
// std::invalid_argument for a negative timeout, and std::logic_error where it may wait inside a
// reactor's callback.
Selected select(const std::vector<Selectable>& read, const std::vector<Selectable>& write,
                const std::vector<Selectable>& except, std::optional<Duration> timeout = std::nullopt);

}  // namespace parley
