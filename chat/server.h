#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "chat/config/config.h"
#include "chat/front_desk.h"
#include "chat/hall/hall.h"
#include "chat/line_session.h"
#include "chat/post/async_writer.h"
#include "chat/post/post_office.h"
#include "chat/post/sessions.h"
#include "chat/post/transcript.h"
#include "parley/base/log.h"
#include "parley/line/peer_limits.h"
#include "parley/reactor/reactor.h"
#include "parley/tls/context.h"

namespace chat {

// parleyd without its process: everything wired, on one reactor. Used on the thread that made it.
class Server {
 public:
  // `out` is stdout's; `out` and `log` must outlive the server.
  Server(const Config& config, AsyncWriter& out, parley::Log& log);

  // On a back end and a clock of one's own: for tests.
  Server(const Config& config, AsyncWriter& out, parley::Log& log, const parley::Reactor::MakeBackend& make,
         const parley::Clock& clock);

  // Opens the listeners, and says on `out` where it listens once all of them are open. Throws SocketError,
  // and std::runtime_error where the files of a certificate cannot be used.
  void listen();
  // Takes what can be changed while it runs from a configuration that was read again: whether the
  // conversation is shown.
  void reload(const Config& config);
  // Reads the files of certificates again, for connections that come from now on, and says in this log what
  // has become of it. A file that cannot be used leaves what there is in force.
  void reload_certificates(parley::Log& log);
  // Runs until it was shut down: every client is gone when it returns.
  void run() { reactor_.run(); }
  // Tells everybody, and ends in good order: what is queued is sent, for 5 s at most. The second time it
  // ends at once. From a callback of the reactor, or before `run`.
  void shut_down();

  parley::Reactor& reactor() { return reactor_; }

 private:
  const parley::tls::Context& context(const TlsConfig& config);

  const Config config_;
  AsyncWriter& out_;
  parley::Log& log_;
  std::vector<std::pair<TlsConfig, parley::tls::Context>> contexts_;  // one for all who have the same files
  // What sessions stand in comes before the reactor, so that it outlives them; what uses the reactor
  // comes behind it.
  parley::PeerLimits peers_;
  std::vector<std::shared_ptr<LineService>> services_;
  parley::Reactor reactor_;
  Transcript transcript_;
  Sessions sessions_;
  PostOffice office_;
  Hall hall_;
  FrontDesk desk_;
  bool shutting_down_ = false;
};

}  // namespace chat
