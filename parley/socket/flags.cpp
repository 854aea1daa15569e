#include "parley/socket/flags.h"

#include <sys/socket.h>

namespace parley::flags {

constinit const Flags peek{MSG_PEEK};
constinit const Flags wait_all{MSG_WAITALL};
constinit const Flags out_of_band{MSG_OOB};
constinit const Flags dont_wait{MSG_DONTWAIT};
constinit const Flags dont_route{MSG_DONTROUTE};
constinit const Flags more{MSG_MORE};
constinit const Flags no_signal{MSG_NOSIGNAL};
constinit const Flags fast_open{MSG_FASTOPEN};
constinit const Flags close_on_exec{MSG_CMSG_CLOEXEC};
constinit const Flags confirm{MSG_CONFIRM};
constinit const Flags error_queue{MSG_ERRQUEUE};
constinit const Flags truncated{MSG_TRUNC};
constinit const Flags control_truncated{MSG_CTRUNC};
constinit const Flags end_of_record{MSG_EOR};

}  // namespace parley::flags
