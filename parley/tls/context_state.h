#pragma once

// Private to parley/tls: what a Context is.

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "parley/base/clock.h"
#include "parley/tls/context.h"
#include "parley/tls/key_pair.h"
#include "parley/tls/openssl.h"
#include "parley/tls/session_cache.h"

namespace parley::tls {

class Engine;

// The OpenSSL context, and what stands beside it. Set up by one thread; from then on every thread makes
// connections of it.
class ContextState {
 public:
  explicit ContextState(Role role);
  ContextState(const ContextState&) = delete;
  ContextState& operator=(const ContextState&) = delete;

  static const std::shared_ptr<ContextState>& of(const Context& context) { return context.state_; }
  static std::shared_ptr<ContextState> shared(const Context& context) { return context.state_; }

  Role role() const { return role_; }
  SSL_CTX* get() const { return context_.get(); }

  // A connection's own object, with the newest pairs; `engine` is told what happens. `server_hostname` is as
  // `checked_host` answers it; empty: none is asked for, nor checked. Throws Error where there is no
  // certificate to serve with, std::bad_alloc.
  SslPtr connection(Engine& engine, const std::string& server_hostname);

  // Pairs.
  void load(const std::string& certificates, const std::string& key, const Password& password);
  void use(const KeyPair& pair);
  void reload();
  // The files are looked at with the next handshake.
  void look_soon() { next_look_ = 0; }

  // What a client was given to resume with, and asks for again.
  SessionCache& sessions() { return sessions_; }

  // For the callbacks of OpenSSL's.
  int choose_server(SSL& ssl, Engine& engine);
  std::string_view alpn() const { return alpn_; }
  void keep_secret(std::string_view line) noexcept;

  std::function<std::optional<Context>(std::string_view)> servername_callback{};
  std::map<std::string, Context, std::less<>> server_names{};
  std::function<void(const SocketError&)> reload_failed{};
  std::atomic<std::int64_t> reload_interval{std::chrono::nanoseconds(std::chrono::minutes(1)).count()};
  bool check_hostname = true;
  std::size_t control_messages = 64;
  std::size_t handshakes_at_once = 1000;
  std::function<void(const Error&)> handshake_failed{};
  std::atomic<std::uint64_t> handshakes{0};
  std::atomic<std::uint64_t> resumed{0};
  std::atomic<std::uint64_t> failed{0};

  void set_alpn(std::string wire) { alpn_ = std::move(wire); }
  void set_keylog(const std::string& path);

 private:
  // Files, and what they hold now where that is newer than what the context was set up with.
  struct Source {
    std::string certificates;
    std::string key;
    Password password;
    FileStamp stamp;
    std::shared_ptr<const KeyPair> newer{};
  };

  void look_again() noexcept;
  void look(Source& source);
  bool use_newer(SSL& ssl);
  std::optional<Context> named(std::string_view name) const;
  std::string identity_as(const std::string& name) const;

  const Role role_;
  SslContextPtr context_;
  SessionCache sessions_;
  std::string alpn_;  // as the wire has it

  std::mutex mutex_;  // for what follows
  std::vector<Source> sources_;
  std::atomic<std::int64_t> next_look_{0};
  std::atomic<bool> has_newer_{false};
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> keylog_{nullptr, nullptr};
};

// A name or numeric address to reach, as certificates and SNI have it: lower case, without the last dot,
// without brackets. Throws std::invalid_argument for what is none.
std::string checked_host(std::string_view host);

}  // namespace parley::tls
