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
constinit const Option<bool> out_of_band_inline{SOL_SOCKET, SO_OOBINLINE};
constinit const Option<bool> dont_route{SOL_SOCKET, SO_DONTROUTE};
constinit const Option<int> receive_low_water{SOL_SOCKET, SO_RCVLOWAT};
constinit const Option<std::string> bind_to_device{SOL_SOCKET, SO_BINDTODEVICE};
constinit const Option<bool> quick_ack{IPPROTO_TCP, TCP_QUICKACK};
constinit const Option<bool> cork{IPPROTO_TCP, TCP_CORK};
constinit const Option<std::chrono::seconds> defer_accept{IPPROTO_TCP, TCP_DEFER_ACCEPT};
constinit const Option<int> max_segment{IPPROTO_TCP, TCP_MAXSEG};
constinit const Option<int> fast_open{IPPROTO_TCP, TCP_FASTOPEN};
constinit const Option<std::string> congestion{IPPROTO_TCP, TCP_CONGESTION};
constinit const Option<int> not_sent_low_water{IPPROTO_TCP, TCP_NOTSENT_LOWAT};
constinit const Option<int> syn_count{IPPROTO_TCP, TCP_SYNCNT};
constinit const Option<std::chrono::seconds> fin_timeout{IPPROTO_TCP, TCP_LINGER2};
constinit const Option<TcpInfo> tcp_info{IPPROTO_TCP, TCP_INFO};
constinit const Option<int> min_ttl{IPPROTO_IP, IP_MINTTL};
constinit const Option<int> min_hops{IPPROTO_IPV6, IPV6_MINHOPCOUNT};
constinit const Option<int> priority{SOL_SOCKET, SO_PRIORITY};
constinit const Option<int> mark{SOL_SOCKET, SO_MARK};
constinit const Option<int> ttl{IPPROTO_IP, IP_TTL};
constinit const Option<int> unicast_hops{IPPROTO_IPV6, IPV6_UNICAST_HOPS};
constinit const Option<int> tos{IPPROTO_IP, IP_TOS};
constinit const Option<int> traffic_class{IPPROTO_IPV6, IPV6_TCLASS};
constinit const Option<int> multicast_ttl{IPPROTO_IP, IP_MULTICAST_TTL};
constinit const Option<int> multicast_hops{IPPROTO_IPV6, IPV6_MULTICAST_HOPS};
constinit const Option<bool> multicast_loop{IPPROTO_IP, IP_MULTICAST_LOOP};
constinit const Option<bool> multicast_loop6{IPPROTO_IPV6, IPV6_MULTICAST_LOOP};
constinit const Option<bool> packet_info{IPPROTO_IP, IP_PKTINFO};
constinit const Option<bool> packet_info6{IPPROTO_IPV6, IPV6_RECVPKTINFO};
constinit const Option<bool> receive_ttl{IPPROTO_IP, IP_RECVTTL};
constinit const Option<bool> receive_hops{IPPROTO_IPV6, IPV6_RECVHOPLIMIT};
constinit const Option<bool> receive_tos{IPPROTO_IP, IP_RECVTOS};
constinit const Option<bool> receive_traffic_class{IPPROTO_IPV6, IPV6_RECVTCLASS};
constinit const Option<bool> pass_credentials{SOL_SOCKET, SO_PASSCRED};
constinit const Option<bool> timestamp{SOL_SOCKET, SO_TIMESTAMP};
constinit const Option<Credentials> peer_credentials{SOL_SOCKET, SO_PEERCRED};
constinit const Option<bool> accepts_connections{SOL_SOCKET, SO_ACCEPTCONN};
constinit const Option<Type> type{SOL_SOCKET, SO_TYPE};
constinit const Option<Family> domain{SOL_SOCKET, SO_DOMAIN};
constinit const Option<int> protocol{SOL_SOCKET, SO_PROTOCOL};
constinit const Option<std::optional<std::chrono::microseconds>> receive_timeout{SOL_SOCKET, SO_RCVTIMEO};
constinit const Option<std::optional<std::chrono::microseconds>> send_timeout{SOL_SOCKET, SO_SNDTIMEO};
constinit const Option<std::error_code> error{SOL_SOCKET, SO_ERROR};

}  // namespace parley::options
