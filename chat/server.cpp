#include "chat/server.h"

#include <chrono>
#include <utility>

#include "parley/base/print.h"
#include "parley/service/opening.h"

namespace chat {
namespace {

constexpr parley::Duration drain = std::chrono::seconds(5);

parley::ReactorSettings reactor_settings(const Config& config, parley::Log& log, const parley::Clock& clock) {
  parley::ReactorSettings settings;
  settings.limits = config.limits;
  settings.clock = &clock;
  settings.log = &log;
  settings.flush_interval = config.flush_interval;
  return settings;
}

parley::ListenSettings listen_settings(const Config& config) {
  parley::ListenSettings settings;
  settings.refusal = "Server is full, try again later\r\n";
  settings.max_connections = config.connections;
  settings.options.send_buffer = config.send_buffer;
  return settings;
}

}  // namespace

Server::Server(const Config& config, AsyncWriter& out, parley::Log& log)
    : Server(config, out, log, nullptr, parley::system_clock()) {}

Server::Server(const Config& config, AsyncWriter& out, parley::Log& log,
               const parley::Reactor::MakeBackend& make, const parley::Clock& clock)
    : config_(config),
      out_(out),
      reactor_(make ? parley::Reactor(make, reactor_settings(config, log, clock))
                    : parley::Reactor(config.reactor, reactor_settings(config, log, clock))),
      office_(reactor_, sessions_, config.chat ? &transcript_.emplace(out, log) : nullptr),
      desk_(hall_, office_, sessions_, reactor_, log, std::chrono::system_clock::now()) {}

void Server::listen() {
  std::string started;
  for (const ListenerConfig& listener : config_.listeners) {
    // A deque: its elements stay where they are, and each session keeps a reference to its own.
    LineService& service = services_.emplace_back(desk_, listener.room, config_.line_bytes);
    const parley::ListeningPort port = parley::listen(
        reactor_, listener.endpoint, parley::factory([&service] { return service.new_session(); }),
        listen_settings(config_));
    const parley::Address where = port.host();
    started += where.family() == parley::Family::local
                   ? parley::format("ChatServer started on ", where, "\n")
                   : parley::format("ChatServer started on port ", where.port(), "\n");
  }
  // Not before all are open: who waits for these lines, to connect, is to find everything there.
  out_.put(started);
}

void Server::shut_down() {
  if (std::exchange(shutting_down_, true)) return reactor_.stop(parley::Duration::zero());
  // First: it is queued for everybody, and `stop` sends what is queued before it closes.
  desk_.submit(ShutDown{});
  reactor_.stop(drain);
}

}  // namespace chat
