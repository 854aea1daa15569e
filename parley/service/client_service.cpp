#include "parley/service/client_service.h"

#include <stdexcept>

#include "parley/base/print.h"
#include "parley/service/opening.h"
#include "parley/socket/error.h"

namespace parley {

namespace {

ClientEndpoint read(std::string_view text) {
  auto parsed = ClientEndpoint::parse(text);
  if (!parsed) throw EndpointError(parsed.error());
  return *std::move(parsed);
}

}  // namespace

// What a connector is given: it hands on to the factory and to the service, which may be gone before it.
class ClientService::Wiring : public ClientFactory {
 public:
  Wiring(ClientService& to, std::shared_ptr<Factory> factory)
      : service(&to), inner_(std::move(factory)), told_(dynamic_cast<ClientFactory*>(inner_.get())) {}

  std::unique_ptr<Protocol> build_protocol(const Address& peer) override {
    return inner_->build_protocol(peer);
  }
  void start_factory() override { inner_->start(); }
  // The connector is over, however it has ended.
  void stop_factory() override {
    inner_->stop();
    if (service != nullptr) service->over();
  }
  void started_connecting(Connector& connector) override {
    if (told_ != nullptr) told_->started_connecting(connector);
  }
  // And not where its protocol is built: under a filter it may still fail to begin.
  void client_connected(Connector& connector) override {
    if (service != nullptr) service->connected();
    if (told_ != nullptr) told_->client_connected(connector);
  }
  void client_connection_failed(Connector& connector, const SocketError& error) override {
    if (told_ != nullptr) told_->client_connection_failed(connector, error);
    if (service == nullptr || !service->running()) return;
    const auto failed = service->settings_.failed;
    if (failed) {
      failed(error);  // which may stop the service, or destroy it
    } else {
      service->settings_.log->write(Level::warn, error.what());
    }
    if (service != nullptr) service->try_again(connector);
  }
  void client_connection_lost(Connector& connector, Reason reason) override {
    if (told_ != nullptr) told_->client_connection_lost(connector, reason);
    if (service != nullptr) service->try_again(connector);
  }

  ClientService* service;

 private:
  std::shared_ptr<Factory> inner_;
  ClientFactory* told_;
};

ClientService::ClientService(Reactor& reactor, ClientEndpoint endpoint, std::shared_ptr<Factory> factory,
                             ClientServiceSettings settings, std::string name)
    : Service(std::move(name)),
      reactor_(reactor),
      endpoint_(std::move(endpoint)),
      factory_(std::move(factory)),
      settings_(std::move(settings)),
      backoff_(settings_.backoff),
      random_(settings_.seed) {
  if (factory_ == nullptr) throw std::invalid_argument("ClientService: no factory was given");
}

ClientService::ClientService(Reactor& reactor, std::string_view endpoint, std::shared_ptr<Factory> factory,
                             ClientServiceSettings settings, std::string name)
    : ClientService(reactor, read(endpoint), std::move(factory), std::move(settings), std::move(name)) {}

ClientService::~ClientService() {
  telling_.cancel();
  if (wiring_ == nullptr) return;
  wiring_->service = nullptr;
  connector_.disconnect();
}

void ClientService::when_connected(MoveOnlyFunction<void(TransportId)> call) {
  waiting_.push_back(std::move(call));
  if (connector_.state() == Connector::State::connected) tell_soon();
}

void ClientService::start() {
  backoff_.reset();
  wiring_ = std::make_shared<Wiring>(*this, factory_);
  try {
    connector_ = connect(reactor_, endpoint_, wiring_, settings_.connect);
  } catch (...) {
    wiring_.reset();
    throw;
  }
}

void ClientService::stop(ServiceHold hold) noexcept {
  waiting_.clear();
  telling_.cancel();
  if (wiring_ == nullptr) return;  // it has given up
  hold_ = std::move(hold);
  connector_.disconnect();
}

void ClientService::connected() {
  backoff_.reset();
  tell_soon();
}

// From the loop, once the protocol was told.
void ClientService::tell_soon() {
  if (!telling_.active()) telling_ = reactor_.call_later(Duration::zero(), [this] { tell_connected(); });
}

void ClientService::tell_connected() {
  if (connector_.state() != Connector::State::connected) return;
  const TransportId id = connection();
  const auto waiting = std::exchange(waiting_, {});
  for (const auto& call : waiting) call(id);
}

void ClientService::try_again(Connector& connector) {
  if (!running()) return;
  if (const auto wait = backoff_.next(random_)) return connector.connect(*wait);
  settings_.log->write(Level::warn, concat(endpoint_, ": that was the last attempt"));
}

void ClientService::over() {
  const ServiceHold hold = std::move(hold_);  // when it goes, this object may
  wiring_->service = nullptr;
  wiring_.reset();
  connector_ = {};
}

}  // namespace parley
