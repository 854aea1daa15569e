#pragma once

// Reactor, Protocol, Factory, Transport, Group, LineReceiver: programs that wait for many things at once.

#if __cplusplus < 202002L
#error "Parley needs C++20: compile with -std=c++20"
#else
#include "parley/line/connection_limits.h"
#include "parley/line/frame_receiver.h"
#include "parley/line/int_receiver.h"
#include "parley/line/line_only_receiver.h"
#include "parley/line/line_receiver.h"
#include "parley/line/message_limit.h"
#include "parley/line/netstring_receiver.h"
#include "parley/line/peer_limits.h"
#include "parley/line/stateful_receiver.h"
#include "parley/line/terminator_receiver.h"
#include "parley/line/throttling.h"
#include "parley/line/timeouts.h"
#include "parley/line/traffic_log.h"
#include "parley/line/wrapping_factory.h"
#include "parley/process/thread_pool.h"
#include "parley/reactor/backoff.h"
#include "parley/reactor/connector.h"
#include "parley/reactor/filter.h"
#include "parley/reactor/group.h"
#include "parley/reactor/looping_call.h"
#include "parley/reactor/process.h"
#include "parley/reactor/process_output.h"
#include "parley/reactor/protocol.h"
#include "parley/reactor/reactor.h"
#include "parley/reactor/reconnecting.h"
#include "parley/reactor/resolver.h"
#include "parley/reactor/standard_io.h"
#include "parley/reactor/threads/blocking_call.h"
#include "parley/reactor/threads/outcome.h"
#include "parley/reactor/transport.h"
#include "parley/socket/address.h"
#endif
