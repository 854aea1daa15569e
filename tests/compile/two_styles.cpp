// A server has one style: threads over processes, or the other way round, is refused with a text that says
// so.

#include <parley/socketserver.h>

using namespace parley;

struct Own : ForkingTcpServer {
  using ForkingTcpServer::ForkingTcpServer;
};

using First = ThreadingMixIn<TcpServer>;
using Second = ForkingMixIn<UnixDatagramServer>;

void serve(HandlerFactory make) {
  const Address here("127.0.0.1", 0);
  First first(here, make);
  Second second(Address::abstract("x"), make);
  ThreadingMixIn<ForkingTcpServer> threads_over_processes(here, make);  //! has threads or processes already
  ForkingMixIn<ThreadingTcpServer> processes_over_threads(here, make);  //! has threads or processes already
  ThreadingMixIn<ThreadingUdpServer> threads_twice(here, make);         //! has threads or processes already
  ForkingMixIn<ForkingUdpServer> processes_twice(here, make);           //! has threads or processes already
  ThreadingMixIn<Own> threads_over_ones_own(here, make);                //! has threads or processes already
}
