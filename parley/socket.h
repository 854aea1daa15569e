#pragma once

// Sockets as objects, as Python's `socket` has them.

#if __cplusplus < 202002L
#error "Parley needs C++20: compile with -std=c++20"
#else
#include "parley/socket/address.h"
#include "parley/socket/create.h"
#include "parley/socket/error.h"
#include "parley/socket/family.h"
#include "parley/socket/file.h"
#include "parley/socket/flags.h"
#include "parley/socket/hosts.h"
#include "parley/socket/interfaces.h"
#include "parley/socket/message.h"
#include "parley/socket/multicast.h"
#include "parley/socket/network.h"
#include "parley/socket/options.h"
#include "parley/socket/resolve.h"
#include "parley/socket/services.h"
#include "parley/socket/socket.h"
#endif
