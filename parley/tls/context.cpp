#include "parley/tls/context.h"

#include <limits>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdexcept>
#include <utility>

#include "parley/base/print.h"
#include "parley/tls/context_state.h"
#include "parley/tls/filter.h"
#include "parley/tls/handshake_queue.h"

namespace parley::tls {

namespace {

int number_of(Version version) {
  return version == Version::tls1_2 ? TLS1_2_VERSION : TLS1_3_VERSION;
}

// After a call of OpenSSL's that has failed.
[[noreturn]] void fail_setting(std::string_view operation, std::string_view where) {
  throw Error(operation, where, std::make_error_code(std::errc::invalid_argument), detail::take_error_text());
}

// Trusts those of a PEM text, and answers them.
std::vector<X509Ptr> trust(SSL_CTX* context, std::string_view certificates, std::string_view operation,
                           std::string_view where) {
  const BioPtr bio(BIO_new_mem_buf(certificates.data(), static_cast<int>(certificates.size())));
  if (bio == nullptr) throw std::bad_alloc();
  std::vector<X509Ptr> read;
  while (X509Ptr next{PEM_read_bio_X509_AUX(bio.get(), nullptr, nullptr, nullptr)}) {
    read.push_back(std::move(next));
  }
  const unsigned long last = ERR_peek_last_error();
  const bool at_end = ERR_GET_LIB(last) == ERR_LIB_PEM && ERR_GET_REASON(last) == PEM_R_NO_START_LINE;
  if (read.empty() || !at_end) {
    throw Error(operation, where, std::make_error_code(std::errc::invalid_argument),
                concat("certificate ", read.size() + 1, ": ", detail::take_error_text()));
  }
  ERR_clear_error();
  for (const X509Ptr& certificate : read) {
    if (X509_STORE_add_cert(SSL_CTX_get_cert_store(context), certificate.get()) != 1) {
      fail_setting(operation, where);
    }
  }
  return read;
}

}  // namespace

void print(Writer& out, Version version) {
  out.put(version == Version::tls1_2 ? "TLS 1.2" : "TLS 1.3");
}

Context Context::client() {
  Context context(std::make_shared<ContextState>(Role::client));
  context.load_default_certs();
  return context;
}

Context Context::server() {
  return Context(std::make_shared<ContextState>(Role::server));
}

Role Context::role() const {
  return state_->role();
}

void Context::load_cert_chain(const std::string& certificates, const std::string& key,
                              const Password& password) {
  state_->load(certificates, key, password);
}

void Context::load_cert_chain_pem(std::string_view certificates, std::string_view key,
                                  const Password& password) {
  state_->use(KeyPair::read(certificates, "the certificates", key, "the key", password));
}

void Context::reload() {
  state_->reload();
}

void Context::set_reload_interval(Duration interval) {
  state_->reload_interval = interval / std::chrono::nanoseconds(1);
  state_->look_soon();
}

void Context::set_reload_failed(std::function<void(const SocketError&)> call) {
  state_->reload_failed = std::move(call);
}

void Context::load_verify_locations(const std::string& file, const std::string& folder) {
  if (file.empty() && folder.empty()) {
    throw std::invalid_argument("load_verify_locations: neither a file nor a folder was named");
  }
  if (!file.empty()) {
    trust(state_->get(), read_file("load_verify_locations", file), "load_verify_locations", file);
  }
  if (!folder.empty() && SSL_CTX_load_verify_dir(state_->get(), folder.c_str()) != 1) {
    fail_setting("load_verify_locations", folder);
  }
}

void Context::load_verify_pem(std::string_view certificates) {
  trust(state_->get(), certificates, "load_verify_pem", "the text");
}

void Context::load_default_certs() {
  if (SSL_CTX_set_default_verify_paths(state_->get()) != 1) fail_setting("load_default_certs", {});
  ERR_clear_error();  // a system without authorities has none
}

void Context::load_client_ca(const std::string& file) {
  const auto read = trust(state_->get(), read_file("load_client_ca", file), "load_client_ca", file);
  for (const X509Ptr& certificate : read) {
    if (SSL_CTX_add_client_CA(state_->get(), certificate.get()) != 1) fail_setting("load_client_ca", file);
  }
}

void Context::set_verify_mode(VerifyMode mode) {
  const int flags = mode == VerifyMode::none       ? SSL_VERIFY_NONE
                    : mode == VerifyMode::optional ? SSL_VERIFY_PEER
                                                   : SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
  SSL_CTX* const context = state_->get();
  SSL_CTX_set_verify(context, flags, SSL_CTX_get_verify_callback(context));
}

VerifyMode Context::verify_mode() const {
  const int flags = SSL_CTX_get_verify_mode(state_->get());
  if ((flags & SSL_VERIFY_PEER) == 0) return VerifyMode::none;
  const bool required = role() == Role::client || (flags & SSL_VERIFY_FAIL_IF_NO_PEER_CERT) != 0;
  return required ? VerifyMode::required : VerifyMode::optional;
}

void Context::set_check_hostname(bool check) {
  state_->check_hostname = check;
}

bool Context::check_hostname() const {
  return state_->check_hostname;
}

void Context::set_minimum_version(Version version) {
  SSL_CTX_set_min_proto_version(state_->get(), number_of(version));
}

void Context::set_maximum_version(Version version) {
  SSL_CTX_set_max_proto_version(state_->get(), number_of(version));
}

void Context::set_alpn_protocols(const std::vector<std::string>& protocols) {
  std::string wire;
  for (const std::string& protocol : protocols) {
    if (protocol.empty() || protocol.size() > 255) {
      throw std::invalid_argument("set_alpn_protocols: a protocol's name has 1 to 255 bytes");
    }
    wire += static_cast<char>(protocol.size());
    wire += protocol;
  }
  if (wire.size() > std::numeric_limits<std::uint16_t>::max()) {
    throw std::invalid_argument("set_alpn_protocols: there are too many");
  }
  if (SSL_CTX_set_alpn_protos(state_->get(), reinterpret_cast<const unsigned char*>(wire.data()),
                              static_cast<unsigned>(wire.size())) != 0) {
    throw std::bad_alloc();
  }
  state_->set_alpn(std::move(wire));
}

void Context::set_ciphers(const std::string& ciphers) {
  if (SSL_CTX_set_cipher_list(state_->get(), ciphers.c_str()) != 1) fail_setting("set_ciphers", ciphers);
}

void Context::set_ciphersuites(const std::string& ciphers) {
  if (SSL_CTX_set_ciphersuites(state_->get(), ciphers.c_str()) != 1)
    fail_setting("set_ciphersuites", ciphers);
}

void Context::add_server_name(const std::string& name, const Context& context) {
  if (context.role() != Role::server) throw std::logic_error("add_server_name: the context is no server's");
  const bool wildcard = name.starts_with("*.");
  const std::string host = checked_host(wildcard ? std::string_view(name).substr(2) : std::string_view(name));
  state_->server_names.insert_or_assign(wildcard ? "*." + host : host, context);
}

void Context::set_servername_callback(std::function<std::optional<Context>(std::string_view)> call) {
  state_->servername_callback = std::move(call);
}

void Context::set_ticket_keys(std::string_view keys) {
  const long size = SSL_CTX_get_tlsext_ticket_keys(state_->get(), nullptr, 0);
  if (static_cast<long>(keys.size()) != size) {
    throw std::invalid_argument(concat("set_ticket_keys: ", size, " bytes are needed, not ", keys.size()));
  }
  std::string copy(keys);
  if (SSL_CTX_set_tlsext_ticket_keys(state_->get(), copy.data(), size) != 1) {
    fail_setting("set_ticket_keys", {});
  }
}

void Context::set_num_tickets(std::size_t count) {
  SSL_CTX_set_num_tickets(state_->get(), count);
  if (count == 0) {
    SSL_CTX_set_options(state_->get(), SSL_OP_NO_TICKET);  // TLS 1.2 knows no number
  } else {
    SSL_CTX_clear_options(state_->get(), SSL_OP_NO_TICKET);
  }
}

void Context::set_keylog_filename(const std::string& path) {
  state_->set_keylog(path);
}

void Context::set_control_messages(std::size_t most) {
  state_->control_messages = most;
}

void Context::set_handshakes_at_once(std::size_t most) {
  if (most == 0) throw std::invalid_argument("set_handshakes_at_once: with none nobody could be served");
  state_->handshakes_at_once = most;
}

void Context::set_handshake_failed(std::function<void(const Error&)> call) {
  state_->handshake_failed = std::move(call);
}

Statistics Context::statistics() const {
  return {state_->handshakes, state_->resumed, state_->failed};
}

Wrap Context::wrap() const {
  if (role() != Role::server) {
    throw std::logic_error("wrap: a client's context needs the name of the server that it reaches for");
  }
  return [context = *this, queue = std::make_shared<HandshakeQueue>(state_->handshakes_at_once)](
             const Address&) { return std::unique_ptr<Filter>(new Filter(context, queue)); };
}

Wrap Context::wrap(std::string_view server_hostname) const {
  if (role() != Role::client) throw std::logic_error("wrap: a server's context reaches for nobody");
  return [context = *this, host = checked_host(server_hostname)](const Address&) {
    return std::make_unique<Filter>(context, host);
  };
}

}  // namespace parley::tls
