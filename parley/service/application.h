#pragma once

#include <memory>
#include <string>
#include <utility>

#include "parley/base/clock.h"
#include "parley/base/log.h"
#include "parley/reactor/reactor.h"
#include "parley/service/multi_service.h"
#include "parley/service/service.h"

namespace parley {

// What a program is run with; each may be left out.
struct ApplicationSettings {
  std::string name{};      // for the log
  std::string pid_file{};  // where the process's number is written; empty: nowhere
  // Whom the process becomes once its services have had their privileged start; empty: it stays who it is.
  std::string user{};
  // SIGINT and SIGTERM stop it; a second one stops it at once. Otherwise they do what they did.
  bool signals = true;
  // How long stopping may take: the services' and the connections' together.
  Duration drain = std::chrono::seconds(5);
  Log* log = &standard_log();
};

// A program made of services. It is the one that they are added to.
//
//   Reactor reactor;
//   Application application(reactor, {.name = "echo", .pid_file = "/run/echo.pid", .user = "nobody"});
//   application.add<ServerService>(reactor, "tcp:7", factory([] { return std::make_unique<Echo>(); }));
//   application.run();
class Application : public MultiService {
 public:
  // The reactor must outlive it.
  explicit Application(Reactor& reactor, ApplicationSettings settings = {});
  ~Application() override;

  // Runs the program until a signal or `Reactor::stop` ends it. In this order: the user is looked up, the
  // pid file is written, services have their privileged start, privileges are dropped, services are started,
  // the service manager is told READY=1 (where NOTIFY_SOCKET names one), the reactor runs. When it stops, the
  // service manager is told STOPPING=1, services are stopped, and connections are closed after that; the pid
  // file is removed at the end. Throws what one of these steps throws, with everything before it undone
  // (privileges apart): PidFile's std::system_error, SocketError, and so on. std::logic_error when it runs
  // already.
  void run();

 private:
  void run_started();

  Reactor& reactor_;
  ApplicationSettings settings_;
};

}  // namespace parley
