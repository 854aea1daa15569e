#pragma once

// TLS, with the names of Python's ssl: tls::Context, connect_tls, serve_tls, start_tls, and the filter under
// them.

#if __cplusplus < 202002L
#error "Parley needs C++20: compile with -std=c++20"
#else
#include "parley/stream.h"
#include "parley/tls/certificate.h"
#include "parley/tls/context.h"
#include "parley/tls/details.h"
#include "parley/tls/error.h"
#include "parley/tls/filter.h"
#include "parley/tls/server.h"
#include "parley/tls/socket.h"
#include "parley/tls/stream.h"
#endif
