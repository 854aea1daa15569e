#pragma once

// Reactor, Protocol, Factory, Transport, Group, LineReceiver: programs that wait for many things at once.

#include "parley/line/line_receiver.h"
#include "parley/reactor/group.h"
#include "parley/reactor/protocol.h"
#include "parley/reactor/reactor.h"
#include "parley/reactor/transport.h"
#include "parley/socket/address.h"
