#pragma once

// Endpoint strings, Service, MultiService, TimerService, ServerService, ClientService, Application: programs
// made of parts that are started and stopped in order.

#if __cplusplus < 202002L
#error "Parley needs C++20: compile with -std=c++20"
#else
#include "parley/reactor/protocol.h"
#include "parley/reactor/reactor.h"
#include "parley/service/application.h"
#include "parley/service/client_service.h"
#include "parley/service/endpoints.h"
#include "parley/service/multi_service.h"
#include "parley/service/opening.h"
#include "parley/service/server_service.h"
#include "parley/service/service.h"
#include "parley/service/timer_service.h"
#endif
