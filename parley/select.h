#pragma once

// Waiting for several sockets and descriptors, as Python's `select` and `selectors` have it.

#if __cplusplus < 202002L
#error "Parley needs C++20: compile with -std=c++20"
#else
#include "parley/socket/interest.h"
#include "parley/socket/polling.h"
#include "parley/socket/select.h"
#include "parley/socket/selectors.h"
#endif
