#include "parley/tls/context_state.h"

#include <array>
#include <cctype>
#include <cstdio>
#include <new>
#include <openssl/err.h>
#include <stdexcept>

#include "parley/base/print.h"
#include "parley/socket/address.h"
#include "parley/tls/certificates.h"
#include "parley/tls/engine.h"

namespace parley::tls {

namespace {

// What OpenSSL calls: C, through which nothing may be thrown.

Engine& engine_of(const SSL* ssl) {
  return *static_cast<Engine*>(SSL_get_app_data(ssl));
}

int verify(int accepted, X509_STORE_CTX* store) noexcept {
  if (accepted == 1) return 1;
  const auto* const ssl =
      static_cast<const SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
  try {
    engine_of(ssl).refused(*store);
  } catch (...) {
    // It is refused all the same, without a word about whose certificate it was.
  }
  return 0;
}

// The name of RFC 6066, section 3, as it stands in the extension: lists with their sizes before them.
std::string_view asked_name(SSL& ssl) {
  const unsigned char* data = nullptr;
  std::size_t size = 0;
  if (SSL_client_hello_get0_ext(&ssl, TLSEXT_TYPE_server_name, &data, &size) != 1) return {};
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto number = [&](std::size_t at) {
    return static_cast<std::size_t>(data[at]) << 8 | static_cast<std::size_t>(data[at + 1]);
  };
  if (size < 5 || number(0) != size - 2 || data[2] != TLSEXT_NAMETYPE_host_name || number(3) > size - 5)
    return {};
  return bytes.substr(5, number(3));
}

int on_client_hello(SSL* ssl, int* alert, void* self) noexcept {
  try {
    *alert = static_cast<ContextState*>(self)->choose_server(*ssl, engine_of(ssl));
    if (*alert == 0) return SSL_CLIENT_HELLO_SUCCESS;
  } catch (...) {
    *alert = SSL_AD_INTERNAL_ERROR;
  }
  return SSL_CLIENT_HELLO_ERROR;
}

int select_alpn(SSL* ssl, const unsigned char** out, unsigned char* out_size, const unsigned char* offered,
                unsigned offered_size, void* self) noexcept {
  (void)ssl;
  const std::string_view ours = static_cast<ContextState*>(self)->alpn();
  if (ours.empty()) return SSL_TLSEXT_ERR_NOACK;
  unsigned char* chosen = nullptr;
  const int outcome =
      SSL_select_next_proto(&chosen, out_size, reinterpret_cast<const unsigned char*>(ours.data()),
                            static_cast<unsigned>(ours.size()), offered, offered_size);
  if (outcome != OPENSSL_NPN_NEGOTIATED) return SSL_TLSEXT_ERR_ALERT_FATAL;
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

int on_session(SSL* ssl, SSL_SESSION* session) noexcept {
  try {
    engine_of(ssl).keep_session(*session);
  } catch (...) {
    // No memory: it is not kept.
  }
  return 0;  // OpenSSL's own reference goes
}

void on_secret(const SSL* ssl, const char* line) noexcept {
  static_cast<ContextState*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)))->keep_secret(line);
}

void on_message(int sent, int /*version*/, int type, const void* /*bytes*/, std::size_t /*size*/, SSL* ssl,
                void* /*self*/) noexcept {
  if (sent == 0 && (type == SSL3_RT_HANDSHAKE || type == SSL3_RT_ALERT)) engine_of(ssl).control_message();
}

// As today's servers are advised to (RFC 9325, section 4.2): no RSA key exchange, AEAD alone.
constexpr const char* server_ciphers = "ECDHE+AESGCM:ECDHE+CHACHA20";
// Servers that are a little older are reached still.
constexpr const char* client_ciphers = "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:DHE+CHACHA20:ECDHE+AES:!SHA1";

std::int64_t now() {
  return std::chrono::steady_clock::now().time_since_epoch() / std::chrono::nanoseconds(1);
}

std::string in_lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

}  // namespace

ContextState::ContextState(Role role)
    : role_(role), context_(SSL_CTX_new(role == Role::client ? TLS_client_method() : TLS_server_method())) {
  if (context_ == nullptr) throw std::bad_alloc();
  SSL_CTX* const context = get();
  SSL_CTX_set_app_data(context, this);
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                   SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_cipher_list(context, role == Role::client ? client_ciphers : server_ciphers);
  SSL_CTX_set1_groups_list(context, "X25519:P-256:X448:P-521:P-384");  // not the finite fields of 2048 bits
  SSL_CTX_set_verify(context, role == Role::client ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, &verify);
  X509_VERIFY_PARAM* const parameters = SSL_CTX_get0_param(context);
  X509_VERIFY_PARAM_set_flags(parameters, X509_V_FLAG_X509_STRICT);
  // RFC 9525, sections 6.3 and 2: `f*.example.org` is no wildcard, and the subject is no name.
  X509_VERIFY_PARAM_set_hostflags(parameters,
                                  X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
  SSL_CTX_set_msg_callback(context, &on_message);
  if (role == Role::server) {
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);  // tickets: the client keeps them
    SSL_CTX_set_client_hello_cb(context, &on_client_hello, this);
    SSL_CTX_set_alpn_select_cb(context, &select_alpn, this);
  } else {
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context, &on_session);
  }
}

SslPtr ContextState::connection(Engine& engine, const std::string& server_hostname) {
  if (role_ == Role::server) look_again();
  SslPtr ssl(SSL_new(get()));
  if (ssl == nullptr) throw std::bad_alloc();
  SSL_set_app_data(ssl.get(), &engine);
  if (!use_newer(*ssl)) throw std::bad_alloc();
  if (role_ == Role::server) {
    SSL_set_accept_state(ssl.get());
    return ssl;
  }
  SSL_set_connect_state(ssl.get());
  if (server_hostname.empty()) return ssl;
  X509_VERIFY_PARAM* const parameters = SSL_get0_param(ssl.get());
  const bool is_address =
      Address::parse(server_hostname + ":0").ok() || Address::parse("[" + server_hostname + "]:0").ok();
  if (!is_address && SSL_set_tlsext_host_name(ssl.get(), server_hostname.c_str()) != 1)
    throw std::bad_alloc();
  if (check_hostname) {
    const int set =
        is_address ? X509_VERIFY_PARAM_set1_ip_asc(parameters, server_hostname.c_str())
                   : X509_VERIFY_PARAM_set1_host(parameters, server_hostname.data(), server_hostname.size());
    if (set != 1) throw std::bad_alloc();
  }
  if (const SessionPtr session = sessions_.take(server_hostname)) {
    SSL_set_session(ssl.get(), session.get());
    ERR_clear_error();  // one that does not fit any more is not used
  }
  return ssl;
}

// Before anything else of the client's is looked at: a session, too, is resumed only with the server that the
// client has named. A context that asks for a client's certificate would otherwise take a session of one that
// does not.
int ContextState::choose_server(SSL& ssl, Engine& engine) {
  const std::string name = in_lower_case(asked_name(ssl));
  // A second hello, after HelloRetryRequest, changes little, and not this (RFC 8446, section 4.1.2): the
  // context of the first would serve under the other's name.
  if (engine.has_chosen()) return name == engine.server_name() ? 0 : SSL_AD_ILLEGAL_PARAMETER;
  engine.choose(name);
  const std::optional<Context> other = named(name);
  const std::string identity = (other ? *of(*other) : *this).identity_as(name);
  if (other && of(*other).get() != this) {
    ContextState& chosen = *of(*other);
    chosen.look_again();
    SSL_CTX* const context = chosen.get();
    engine.serve_with(of(*other));
    if (SSL_set_SSL_CTX(&ssl, context) == nullptr) return SSL_AD_INTERNAL_ERROR;
    // What a connection has copied from the context that it began with.
    SSL_set_verify(&ssl, SSL_CTX_get_verify_mode(context), SSL_CTX_get_verify_callback(context));
    SSL_set_min_proto_version(&ssl, static_cast<int>(SSL_CTX_get_min_proto_version(context)));
    SSL_set_max_proto_version(&ssl, static_cast<int>(SSL_CTX_get_max_proto_version(context)));
    SSL_set_num_tickets(&ssl, SSL_CTX_get_num_tickets(context));
    if (!chosen.use_newer(ssl)) return SSL_AD_INTERNAL_ERROR;
  }
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  if (EVP_Digest(identity.data(), identity.size(), digest.data(), &size, EVP_sha256(), nullptr) != 1 ||
      SSL_set_session_id_context(&ssl, digest.data(), size) != 1) {
    return SSL_AD_INTERNAL_ERROR;
  }
  if (SSL_get_certificate(&ssl) != nullptr) return 0;
  engine.lacks_certificate();
  return SSL_AD_UNRECOGNIZED_NAME;
}

// What a session is bound to: the name, whether the client must show who it is, and to whom. Another context
// with the same keys of tickets, also in another process, resumes it only where these are the same.
std::string ContextState::identity_as(const std::string& name) const {
  const int mode = SSL_CTX_get_verify_mode(get());
  std::string identity = concat(name, '/', mode);
  if ((mode & SSL_VERIFY_PEER) == 0) return identity;
  STACK_OF(X509_OBJECT)* const trusted = X509_STORE_get0_objects(SSL_CTX_get_cert_store(get()));
  for (int i = 0; i < sk_X509_OBJECT_num(trusted); ++i) {
    const X509* const certificate = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(trusted, i));
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    if (certificate == nullptr || X509_digest(certificate, EVP_sha256(), digest.data(), &size) != 1) continue;
    identity.append(reinterpret_cast<const char*>(digest.data()), size);
  }
  return identity;
}

std::optional<Context> ContextState::named(std::string_view name) const {
  if (servername_callback) {
    if (auto context = servername_callback(name)) {
      if (of(*context)->role() != Role::server) throw std::logic_error("SNI: the context is no server's");
      return context;
    }
  }
  if (const auto exact = server_names.find(name); exact != server_names.end()) return exact->second;
  const std::size_t dot = name.find('.');
  if (dot == 0 || dot == name.npos) return std::nullopt;
  const auto any = server_names.find(concat('*', name.substr(dot)));
  return any == server_names.end() ? std::nullopt : std::optional(any->second);
}

// Pairs of keys.

void ContextState::use(const KeyPair& pair) {
  if (SSL_CTX_use_cert_and_key(get(), pair.certificate.get(), pair.key.get(), pair.chain.get(), 1) != 1) {
    throw Error("load_cert_chain", {}, std::make_error_code(std::errc::invalid_argument),
                detail::take_error_text());
  }
}

void ContextState::load(const std::string& certificates, const std::string& key, const Password& password) {
  Source source{certificates, key, password, FileStamp::of(certificates, key)};
  use(KeyPair::load(certificates, key, password));
  sources_.push_back(std::move(source));
  next_look_ = now() + reload_interval;
}

void ContextState::look(Source& source) {
  const FileStamp stamp = FileStamp::of(source.certificates, source.key);
  if (stamp == source.stamp) return;
  source.newer =
      std::make_shared<const KeyPair>(KeyPair::load(source.certificates, source.key, source.password));
  source.stamp = stamp;  // not before: what was half written is looked at again
  has_newer_ = true;
}

void ContextState::look_again() noexcept {
  const std::int64_t time = now();
  if (time < next_look_.load(std::memory_order_relaxed)) return;
  const std::unique_lock lock(mutex_, std::try_to_lock);
  if (!lock) return;  // somebody else looks
  next_look_ = time + reload_interval;
  for (Source& source : sources_) {
    try {
      look(source);
    } catch (const SocketError& error) {
      try {
        if (reload_failed) reload_failed(error);
      } catch (...) {
        // The connection goes on with the old pair, whatever the program makes of it.
      }
    } catch (...) {
      // No memory: it is looked at again.
    }
  }
}

void ContextState::reload() {
  const std::lock_guard lock(mutex_);
  next_look_ = now() + reload_interval;
  for (Source& source : sources_) look(source);
}

bool ContextState::use_newer(SSL& ssl) {
  if (!has_newer_.load(std::memory_order_relaxed)) return true;
  const std::lock_guard lock(mutex_);
  for (const Source& source : sources_) {
    if (source.newer == nullptr) continue;
    const KeyPair& pair = *source.newer;
    if (SSL_use_cert_and_key(&ssl, pair.certificate.get(), pair.key.get(), pair.chain.get(), 1) != 1) {
      ERR_clear_error();
      return false;
    }
  }
  return true;
}

// Secrets.

void ContextState::set_keylog(const std::string& path) {
  const std::lock_guard lock(mutex_);
  if (path.empty()) {
    SSL_CTX_set_keylog_callback(get(), nullptr);
    keylog_ = {nullptr, nullptr};
    return;
  }
  std::FILE* const file = std::fopen(path.c_str(), "ae");
  if (file == nullptr) throw SocketError("set_keylog_filename", path, {errno, std::generic_category()});
  keylog_ = {file, &std::fclose};
  std::error_code none;  // a pipe has no permissions to take
  std::filesystem::permissions(path, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write,
                               none);
  SSL_CTX_set_keylog_callback(get(), &on_secret);
}

void ContextState::keep_secret(std::string_view line) noexcept {
  const std::lock_guard lock(mutex_);
  if (keylog_ == nullptr) return;
  std::fwrite(line.data(), 1, line.size(), keylog_.get());
  std::fputc('\n', keylog_.get());
  std::fflush(keylog_.get());
}

std::string checked_host(std::string_view host) {
  std::string name = in_lower_case(host);
  if (name.starts_with('[') && name.ends_with(']')) name = name.substr(1, name.size() - 2);
  if (name.find(':') != name.npos) name = name.substr(0, name.find('%'));  // certificates know no scopes
  if (!name.ends_with("..") && name.ends_with('.')) name.pop_back();
  const auto refuse = [&](std::string_view why) {
    throw std::invalid_argument(concat("server_hostname \"", host, "\": ", why));
  };
  if (name.empty()) refuse("a name or a numeric address is needed");
  if (name.starts_with('.')) refuse("this is no name of a host");  // OpenSSL takes it for all hosts below it
  if (name.size() > 253) refuse("a name has at most 253 bytes");
  for (const char c : name) {
    if (static_cast<unsigned char>(c) >= 0x80) refuse("international names are to be written as xn--...");
    if (c <= ' ' || c == '/' || c == '*' || c == '\x7f') refuse("this is no name of a host");
  }
  return name;
}

}  // namespace parley::tls
