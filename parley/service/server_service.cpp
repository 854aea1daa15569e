#include "parley/service/server_service.h"

#include <stdexcept>

#include "parley/service/opening.h"

namespace parley {

namespace {

ServerEndpoint read(std::string_view text) {
  auto parsed = ServerEndpoint::parse(text);
  if (!parsed) throw EndpointError(parsed.error());
  return *std::move(parsed);
}

}  // namespace

ServerService::ServerService(Reactor& reactor, ServerEndpoint endpoint, std::shared_ptr<Factory> factory,
                             ListenSettings settings, std::string name)
    : Service(std::move(name)),
      reactor_(reactor),
      endpoint_(std::move(endpoint)),
      factory_(std::move(factory)),
      settings_(std::move(settings)) {
  if (factory_ == nullptr) throw std::invalid_argument("ServerService: no factory was given");
}

ServerService::ServerService(Reactor& reactor, std::string_view endpoint, std::shared_ptr<Factory> factory,
                             ListenSettings settings, std::string name)
    : ServerService(reactor, read(endpoint), std::move(factory), std::move(settings), std::move(name)) {}

ServerService::~ServerService() {
  port_.stop_listening();
}

void ServerService::privileged_start() {
  if (std::exchange(listens_, true)) return;
  try {
    port_ = listen(reactor_, endpoint_, factory_, settings_);
  } catch (...) {
    listens_ = false;
    throw;
  }
}

void ServerService::start() {
  privileged_start();
}

void ServerService::stop(ServiceHold /*hold*/) noexcept {
  port_.stop_listening();
  listens_ = false;
}

}  // namespace parley
