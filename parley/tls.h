#pragma once

// TLS, with the names of Python's ssl: contexts, and what they put under connections.

#include "parley/tls/certificate.h"
#include "parley/tls/context.h"
#include "parley/tls/details.h"
#include "parley/tls/error.h"
#include "parley/tls/filter.h"
#include "parley/tls/server.h"
#include "parley/tls/socket.h"
