#pragma once

#include <cstdint>

#include "chat/hall/event.h"
#include "chat/post/async_writer.h"
#include "parley/base/log.h"

namespace chat {

// The conversation on stdout, byte for byte as others see it. What stdout does not take is dropped, whole
// messages at a time, and counted in the log, which is told when it takes them again.
class Transcript {
 public:
  // Both must outlive it.
  Transcript(AsyncWriter& out, parley::Log& log) : out_(out), log_(log) {}
  // Says in the log what was dropped and not said yet.
  ~Transcript();
  Transcript(const Transcript&) = delete;
  Transcript& operator=(const Transcript&) = delete;

  void put(const Event& event);

  // Messages dropped so far.
  std::uint64_t dropped() const { return dropped_; }

 private:
  void say();

  AsyncWriter& out_;
  parley::Log& log_;
  bool dropping_ = false;  // stdout has not been seen to take them again
  std::uint64_t dropped_ = 0;
  std::uint64_t said_ = 0;  // of these, how many the log knows of
};

}  // namespace chat
