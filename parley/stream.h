#pragma once

// Task, Stream, serve_tcp, with_timeout, TaskGroup, Queue: programs that wait for many things at once, and
// read as if they waited for one.

#if __cplusplus < 202002L
#error "Parley needs C++20: compile with -std=c++20"
#else
#include "parley/stream/as_completed.h"
#include "parley/stream/as_result.h"
#include "parley/stream/child_process.h"
#include "parley/stream/connect.h"
#include "parley/stream/datagram.h"
#include "parley/stream/deadline.h"
#include "parley/stream/error.h"
#include "parley/stream/event.h"
#include "parley/stream/fiber.h"
#include "parley/stream/future.h"
#include "parley/stream/listener.h"
#include "parley/stream/lock.h"
#include "parley/stream/queue.h"
#include "parley/stream/run.h"
#include "parley/stream/semaphore.h"
#include "parley/stream/server.h"
#include "parley/stream/shield.h"
#include "parley/stream/signals.h"
#include "parley/stream/sleep.h"
#include "parley/stream/spawn.h"
#include "parley/stream/spawn_from_thread.h"
#include "parley/stream/stream.h"
#include "parley/stream/task.h"
#include "parley/stream/task_group.h"
#include "parley/stream/to_thread.h"
#include "parley/stream/when.h"
#endif
