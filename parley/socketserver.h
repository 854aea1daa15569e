#pragma once

// Servers for handlers that block, as Python's `socketserver` has them.

#if __cplusplus < 202002L
#error "Parley needs C++20: compile with -std=c++20"
#else
#include "parley/server/base_server.h"
#include "parley/server/forking.h"
#include "parley/server/handlers.h"
#include "parley/server/local.h"
#include "parley/server/request.h"
#include "parley/server/tcp.h"
#include "parley/server/threading.h"
#include "parley/server/udp.h"
#endif
