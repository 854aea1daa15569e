#include "parley/tls/session_cache.h"

#include <utility>

namespace parley::tls {

void SessionCache::put(const std::string& server, SessionPtr session) {
  const std::lock_guard lock(mutex_);
  if (const auto found = sessions_.find(server); found != sessions_.end()) {
    found->second = std::move(session);
    return;
  }
  in_order_.push_back(server);
  sessions_.emplace(server, std::move(session));
  if (in_order_.size() <= most) return;
  sessions_.erase(in_order_.front());
  in_order_.pop_front();
}

SessionPtr SessionCache::take(const std::string& server) {
  const std::lock_guard lock(mutex_);
  const auto found = sessions_.find(server);
  if (found == sessions_.end() || found->second == nullptr) return nullptr;
  // Its place stays, empty, so that the order stays true.
  if (SSL_SESSION_get_protocol_version(found->second.get()) >= TLS1_3_VERSION)
    return std::move(found->second);
  SSL_SESSION_up_ref(found->second.get());
  return SessionPtr(found->second.get());
}

}  // namespace parley::tls
