#include "parley/socket/options.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace parley::options {

constinit const Option<bool> reuse_addr{SOL_SOCKET, SO_REUSEADDR};
constinit const Option<bool> reuse_port{SOL_SOCKET, SO_REUSEPORT};
constinit const Option<bool> no_delay{IPPROTO_TCP, TCP_NODELAY};
constinit const Option<bool> keep_alive{SOL_SOCKET, SO_KEEPALIVE};
constinit const Option<std::chrono::seconds> keep_idle{IPPROTO_TCP, TCP_KEEPIDLE};
constinit const Option<std::chrono::seconds> keep_interval{IPPROTO_TCP, TCP_KEEPINTVL};
constinit const Option<int> keep_count{IPPROTO_TCP, TCP_KEEPCNT};
constinit const Option<std::chrono::milliseconds> user_timeout{IPPROTO_TCP, TCP_USER_TIMEOUT};
constinit const Option<int> send_buffer{SOL_SOCKET, SO_SNDBUF};
constinit const Option<int> receive_buffer{SOL_SOCKET, SO_RCVBUF};
constinit const Option<std::optional<std::chrono::seconds>> linger{SOL_SOCKET, SO_LINGER};
constinit const Option<bool> v6_only{IPPROTO_IPV6, IPV6_V6ONLY};
constinit const Option<bool> broadcast{SOL_SOCKET, SO_BROADCAST};
constinit const Option<std::error_code> error{SOL_SOCKET, SO_ERROR};

}  // namespace parley::options
