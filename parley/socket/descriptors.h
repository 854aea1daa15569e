#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <utility>

namespace parley {

// Owns an open descriptor and closes it; -1 is none. Move-only.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int descriptor) : descriptor_(descriptor) {}
  Descriptor(Descriptor&& other) noexcept : descriptor_(other.release()) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    if (this != &other) reset(other.release());
    return *this;
  }
  ~Descriptor() { reset(); }

  int get() const { return descriptor_; }
  explicit operator bool() const { return descriptor_ >= 0; }
  // Gives the descriptor away, open.
  int release() { return std::exchange(descriptor_, -1); }
  // Closes it, and owns another one. Leaves errno alone.
  void reset(int descriptor = -1) noexcept;

 private:
  int descriptor_ = -1;
};

// Raises this process's soft limit of open descriptors to the hard one, and answers what it is now. It
// never fails: where the kernel refuses, the limit stays. `spawn_process` starts programs with the one that
// stood before, since some that use `select` cannot go on above 1024; others inherit the new one. Thread:
// any.
std::size_t raise_descriptor_limit();
// What it was before, where it was raised and stands as it was raised: for programs that are started.
std::optional<std::size_t> descriptor_limit_before() noexcept;

// A descriptor kept to refuse with, for when a listener runs out of them: a connection that nobody
// accepts would make it ready for ever. Used from one thread.
class ReserveDescriptor {
 public:
  ReserveDescriptor();

  // Closes the spare, accepts one connection from `listening` (non-blocking), sends it `words` as far as
  // they fit, shuts down, closes, and takes the spare back. False when it could not: nobody was waiting,
  // or there was no spare and none could be had. Never blocks, never throws.
  bool refuse(int listening, std::string_view words) noexcept;

  // Whether a spare is held. After another thread took it, the next `refuse` tries to get one first.
  bool held() const { return static_cast<bool>(spare_); }

 private:
  Descriptor spare_;
};

}  // namespace parley
