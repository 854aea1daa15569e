#include "chat/server.h"

#include <chrono>
#include <memory>
#include <stdexcept>
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
  settings.options.out_of_band_inline = true;  // telnet's Synch
  if (config.keep_alive > parley::Duration::zero()) {
    settings.options.keep_alive = true;
    settings.options.keep_idle = std::chrono::ceil<std::chrono::seconds>(config.keep_alive);
    settings.options.keep_interval = std::chrono::seconds(15);
    settings.options.keep_count = 4;
  }
  return settings;
}

parley::PeerLimitSettings peer_limits(const Config& config) {
  parley::PeerLimitSettings settings;
  settings.connections = config.connections_per_ip;
  settings.new_connections = config.connect_rate;
  settings.exempt = config.exempt;
  return settings;
}

void say_old_stays(parley::Log& log, std::string_view why, const parley::SocketError& error) {
  log.write(parley::Level::error, parley::concat(why, "the certificate stays as it was: ", error.what()));
}

}  // namespace

Server::Server(const Config& config, AsyncWriter& out, parley::Log& log)
    : Server(config, out, log, nullptr, parley::system_clock()) {}

Server::Server(const Config& config, AsyncWriter& out, parley::Log& log,
               const parley::Reactor::MakeBackend& make, const parley::Clock& clock)
    : config_(config),
      out_(out),
      log_(log),
      peers_(peer_limits(config)),
      reactor_(make ? parley::Reactor(make, reactor_settings(config, log, clock))
                    : parley::Reactor(config.reactor, reactor_settings(config, log, clock))),
      transcript_(out, log),
      office_(reactor_, sessions_, config.chat ? &transcript_ : nullptr),
      desk_(hall_, office_, sessions_, reactor_, log, std::chrono::system_clock::now()) {}

void Server::listen() {
  std::string started;
  for (const ListenerConfig& listener : config_.listeners) {
    const auto& service = services_.emplace_back(std::make_shared<LineService>(
        desk_, reactor_, peers_, listener.room,
        LineChat{.line_bytes = config_.line_bytes,
                 .rate = {.per_second = config_.message_rate, .burst = config_.message_burst},
                 .idle_timeout = config_.idle_timeout}));
    parley::ListenSettings settings = listen_settings(config_);
    if (listener.tls) settings.wrap = service->counted(context(*listener.tls).wrap());
    const parley::ListeningPort port = parley::listen(reactor_, listener.endpoint, service, settings);
    const parley::Address where = port.host();
    started += where.family() == parley::Family::local
                   ? parley::concat("ChatServer started on ", where, "\n")
                   : parley::concat("ChatServer started on port ", where.port(), "\n");
  }
  // Not before all are open: who waits for these lines, to connect, is to find everything there.
  out_.put(started);
}

const parley::tls::Context& Server::context(const TlsConfig& config) {
  for (const auto& [files, made] : contexts_) {
    if (files == config) return made;
  }
  try {
    parley::tls::Context made = parley::server_context(
        {.address = {}, .cert = config.cert, .key = config.key, .client_ca = config.client_ca});
    made.set_reload_failed(
        [&log = log_](const parley::SocketError& error) { say_old_stays(log, {}, error); });
    made.set_handshake_failed(
        [&log = log_](const parley::tls::Error& error) { log.write(parley::Level::debug, error.what()); });
    return contexts_.emplace_back(config, std::move(made)).second;
  } catch (const parley::SocketError& error) {
    // Not as one of a socket: no other address would help.
    throw std::runtime_error(parley::concat("TLS: ", error.what()));
  }
}

void Server::reload_certificates(parley::Log& log) {
  for (auto& [files, made] : contexts_) {
    try {
      made.reload();
      log.write(parley::Level::info, parley::concat("SIGHUP: ", files.cert, " is in force as it is now"));
    } catch (const parley::SocketError& error) {
      say_old_stays(log, "SIGHUP: ", error);
    }
  }
}

void Server::reload(const Config& config) {
  office_.set_transcript(config.chat ? &transcript_ : nullptr);
}

void Server::shut_down() {
  if (std::exchange(shutting_down_, true)) return reactor_.stop(parley::Duration::zero());
  // First: it is queued for everybody, and `stop` sends what is queued before it closes.
  desk_.submit(ShutDown{});
  reactor_.stop(drain);
}

}  // namespace chat
