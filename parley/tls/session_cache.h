#pragma once

// Private to parley/tls: what servers have given a client to resume with.

#include <cstddef>
#include <deque>
#include <mutex>
#include <string>
#include <unordered_map>

#include "parley/tls/openssl.h"

namespace parley::tls {

// One session for each server, at most `most` of them: those that came first go first. Thread: any.
class SessionCache {
 public:
  static constexpr std::size_t most = 256;

  void put(const std::string& server, SessionPtr session);
  // Null: none. A ticket of TLS 1.3 is used once, so that nobody can tell that two connections are the same
  // client's (RFC 8446, section C.4).
  SessionPtr take(const std::string& server);

 private:
  std::mutex mutex_;
  std::unordered_map<std::string, SessionPtr> sessions_;
  std::deque<std::string> in_order_;
};

}  // namespace parley::tls
