#pragma once

// Waiting for several sockets and descriptors, as Python's `select` and `selectors` have it.

#include "parley/socket/interest.h"
#include "parley/socket/polling.h"
#include "parley/socket/select.h"
#include "parley/socket/selectors.h"
