#pragma once

// Endpoint strings, Service, MultiService, TimerService, ServerService, ClientService, Application: programs
// made of parts that are started and stopped in order.

#include "parley/service/endpoints.h"
