#pragma once

#include <memory>

#include "tests/conformance/outside.h"

namespace parley::conformance {

// Peers that are non-blocking sockets on this machine, for the back ends of the kernel.
std::unique_ptr<Outside> make_sockets(const Setup& setup);

}  // namespace parley::conformance
