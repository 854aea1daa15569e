#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "parley/socket/descriptors.h"

namespace parley {

// A descriptor that the service manager (systemd) has opened for this process.
struct InheritedDescriptor {
  Descriptor descriptor;
  std::string name;  // as its unit says, or "unknown"
};

// The descriptors that were handed over in the variables LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES
// (sd_listen_fds(3)), in their order; none where they are for another process. The first call reads the
// variables, removes them, and closes the descriptors on exec, so that no child takes them for its own; it
// throws std::runtime_error where they make no sense. Whoever uses one moves it out.
// Thread: the first call changes the environment: it is to be made before there are other threads.
std::vector<InheritedDescriptor>& inherited_descriptors();

// Sends a state, such as "READY=1" or "STOPPING=1", to the service manager that NOTIFY_SOCKET names
// (sd_notify(3)). False where there is none. Never waits. Throws SocketError, AddressError.
bool notify_service_manager(std::string_view state);

}  // namespace parley
