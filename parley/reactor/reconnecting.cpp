#include "parley/reactor/reconnecting.h"

namespace parley {

std::unique_ptr<Protocol> ReconnectingClientFactory::build_protocol(const Address& peer) {
  return protocols_ == nullptr ? nullptr : protocols_->build_protocol(peer);
}

void ReconnectingClientFactory::stop_trying() {
  trying_ = false;
  connector_.stop_connecting();
}

void ReconnectingClientFactory::retry(Connector& connector) {
  if (!trying_) return;
  if (const auto wait = backoff_.next(random_)) connector.connect(*wait);
}

void ReconnectingClientFactory::client_connection_failed(Connector& connector, const SocketError& /*error*/) {
  retry(connector);
}

void ReconnectingClientFactory::client_connection_lost(Connector& connector, Reason /*reason*/) {
  retry(connector);
}

}  // namespace parley
