#pragma once

// Waiting for several descriptors, as Python's `select` has it.

#include "parley/socket/select.h"
