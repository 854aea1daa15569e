#include "parley/service/application.h"

#include <exception>
#include <optional>
#include <stdexcept>
#include <string_view>

#include "parley/base/print.h"
#include "parley/process/pid_file.h"
#include "parley/process/privileges.h"
#include "parley/process/service_manager.h"
#include "parley/process/signals.h"

namespace parley {

namespace {

// The service manager may have gone: that is no reason not to serve.
void tell_manager(std::string_view state, Log& log) {
  try {
    notify_service_manager(state);
  } catch (const std::exception& error) {
    log.write(Level::warn, concat("the service manager was not told ", state, ": ", error.what()));
  }
}

// SIGINT and SIGTERM stop the reactor for as long as it lives.
class Stopper {
 public:
  Stopper(Reactor& reactor, const ApplicationSettings& settings) {
    const auto stop = [this, &reactor, &settings](Signal signal) {
      settings.log->write(Level::info, concat(settings.name, settings.name.empty() ? "" : ": ", signal,
                                              again_ ? ": stopping at once" : ": stopping"));
      reactor.stop(again_ ? Duration::zero() : settings.drain);
      again_ = true;
    };
    interrupt_ = reactor.on_signal(Signal::interrupt, stop);
    terminate_ = reactor.on_signal(Signal::terminate, stop);
  }
  ~Stopper() {
    interrupt_.stop();
    terminate_.stop();
  }
  Stopper(const Stopper&) = delete;
  Stopper& operator=(const Stopper&) = delete;

 private:
  SignalHandler interrupt_;
  SignalHandler terminate_;
  bool again_ = false;
};

}  // namespace

Application::Application(Reactor& reactor, ApplicationSettings settings)
    : MultiService(settings.name), reactor_(reactor), settings_(std::move(settings)) {}

Application::~Application() = default;

void Application::run() {
  if (state() != State::stopped) throw std::logic_error("Application::run: it runs already");
  std::optional<UserIdentity> user;
  std::optional<PidFile> pid_file;
  std::optional<Stopper> stopper;
  if (!settings_.user.empty()) user = find_user(settings_.user);
  if (!settings_.pid_file.empty()) pid_file.emplace(settings_.pid_file);
  if (settings_.signals) stopper.emplace(reactor_, settings_);
  try {
    privileged_start_service();
    if (user) drop_privileges(*user);
    start_service();
    run_started();
  } catch (...) {
    stop_service();
    throw;
  }
}

void Application::run_started() {
  Trigger stopping = reactor_.on_stop(Stopping::before, [this](const Hold& hold) {
    tell_manager("STOPPING=1", *settings_.log);
    stop_service([hold] {});
  });
  tell_manager("READY=1", *settings_.log);
  try {
    reactor_.run();
  } catch (...) {
    stopping.remove();
    throw;
  }
  if (state() == State::stopping) {
    settings_.log->write(Level::warn, "not every service has stopped in time");
  }
}

}  // namespace parley
