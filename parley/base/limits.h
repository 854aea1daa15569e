#pragma once

#include <chrono>
#include <cstddef>

#include "parley/base/clock.h"

namespace parley {

// Everything in a reactor that can grow, and how far. Sizes are bytes.
struct Limits {
  // What one connection may take in per turn, and all of them together: nobody starves the others.
  std::size_t read_bytes = 64 * 1024;
  std::size_t turn_bytes = 256 * 1024;
  // How much of their input all senders that the loop makes wait may hold, each counted with read_bytes:
  // beyond it nobody takes in more than 1 KiB per turn, until some of them go on (docs/loop.md).
  std::size_t waiting_input = 64 * 1024 * 1024;
  // Connections accepted from one listener per turn.
  std::size_t accept_batch = 256;
  // What is written in a turn leaves at its end; sooner, between two callbacks, when what groups were told
  // (each message counts once, in its longest form), or what was written to single clients, is this much.
  std::size_t tape_bytes = 64 * 1024;
  // How far one peer may fall behind what was copied for it, before it is disconnected. And the memory that
  // all who lag may hold, slices included, files not: before it is passed, the one that holds most goes.
  std::size_t sendq_bytes = 1024 * 1024;
  std::size_t queued_total = 256 * 1024 * 1024;
  // `pause_writing` comes above the first, `resume_writing` at or below the second.
  std::size_t high_water = 64 * 1024;
  std::size_t low_water = 16 * 1024;
  // How long a sender is not read when it rests for those who are behind, at first; 0: it never does
  // (docs/loop.md says when, and when it rests longer).
  Duration brake = std::chrono::milliseconds(10);
  // In how long a closing peer must take 64 KiB, or all that is queued; how long its end is waited for then.
  Duration close_timeout = std::chrono::seconds(30);
  Duration linger = std::chrono::seconds(2);
  // How long a listener rests when there is no descriptor for a new connection.
  Duration accept_rest = std::chrono::milliseconds(100);
  // The longest datagram that is received or sent; how many are received from one socket per turn (64 at
  // most); and how many, and how many bytes of them, wait in one socket for the kernel: beyond it the oldest
  // are dropped.
  std::size_t datagram_bytes = 64 * 1024;
  std::size_t datagram_batch = 64;
  std::size_t datagram_queue = 1024;
  std::size_t datagram_queue_bytes = 1024 * 1024;
  // How long datagrams wait for a Unix peer whose own queue is full, until they are tried again.
  Duration datagram_rest = std::chrono::milliseconds(10);
};

namespace detail {
// Answers them. Throws std::invalid_argument, which names what cannot be: a 0 that would let nothing pass, or
// look like the end of the input; a negative time.
const Limits& possible(const Limits& limits);
}  // namespace detail

}  // namespace parley
