#pragma once

// Private to the readiness back end: what a ready descriptor belongs to, as a tagged pointer in the poller's
// key.

#include <cstdint>

namespace parley::readiness {

enum Tag : std::uint64_t { to_stream, to_listener, to_datagrams, to_watch };
constexpr std::uint64_t tag_bits = 3;
// Two that are no target's. They are not tagged as streams are, so that an event of a stream, as almost all
// are, is known by its tag.
constexpr std::uint64_t wakeup_key = to_watch;
constexpr std::uint64_t forgotten_key = ~std::uint64_t{0};
static_assert((wakeup_key & tag_bits) != to_stream && (forgotten_key & tag_bits) != to_stream);

template <class Target>
std::uint64_t key_of(Target& target, Tag tag) {
  static_assert(alignof(Target) > tag_bits);
  return reinterpret_cast<std::uintptr_t>(&target) | tag;
}

template <class Target>
Target& target_of(std::uint64_t key) {
  return *reinterpret_cast<Target*>(static_cast<std::uintptr_t>(key & ~tag_bits));
}

// What the state of a listener's slot tells.
constexpr std::uint32_t accepts = 1;
constexpr std::uint32_t gives_buffers =
    2;  // what it accepts does not have the sizes of its buffers by itself

}  // namespace parley::readiness
