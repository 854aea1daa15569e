#pragma once

#include "parley/base/move_only_function.h"
#include "parley/reactor/reactor.h"

namespace parley::detail {

// Has the loop make the call soon; the call is told whether the reactor stops. It is dropped where the
// reactor has stopped, also meanwhile, and will not make it: nobody is to wait for it in vain. Thread: any.
void call_from_thread(Reactor& reactor, MoveOnlyFunction<void(bool stops)> call);

}  // namespace parley::detail
