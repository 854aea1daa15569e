#pragma once

#include <optional>
#include <string_view>

#include "chat/config/config.h"
#include "chat/config/keys.h"

namespace chat {

// A listener of the command line: `line://127.0.0.1:2626`, `line://[::1]` (then the port is 2626), or `line+`
// and one of the library's endpoint strings, as in `line+unix:/run/parleyd.sock:mode=660`. One of
// `line+tls://127.0.0.1:2626` speaks TLS with `tls`. Throws ConfigError.
ListenerConfig listener_from_url(std::string_view url, const std::optional<TlsConfig>& tls);
// Whether it is one that wants `tls`.
bool wants_tls(std::string_view url);

// A listener of the file. Its address is an IP address, or one of the library's endpoint strings, which says
// all then. Throws ConfigError.
ListenerConfig listener_from_draft(const ListenerDraft& draft);

}  // namespace chat
