#pragma once

#include <string_view>

#include "chat/config/config.h"
#include "chat/config/keys.h"

namespace chat {

// A listener of the command line: `line://127.0.0.1:2626`, `line://[::1]:2626`, `line+unix:/path.sock`.
// Without a port: 2626. Throws ConfigError.
ListenerConfig listener_from_url(std::string_view url);

// A listener of the file. Its address is numeric, or `unix:` and a path. Throws ConfigError.
ListenerConfig listener_from_draft(const ListenerDraft& draft);

}  // namespace chat
