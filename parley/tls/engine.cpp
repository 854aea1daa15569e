#include "parley/tls/engine.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <new>
#include <openssl/err.h>
#include <utility>

#include "parley/base/print.h"
#include "parley/tls/certificates.h"

namespace parley::tls {

// The way of bytes between OpenSSL and the engine. A memory BIO would copy what came, and keep a buffer on
// each idle connection.
struct Engine::Wire {
  static Engine& of(BIO* bio) { return *static_cast<Engine*>(BIO_get_data(bio)); }

  static int read(BIO* bio, char* into, int most) noexcept {
    BIO_clear_retry_flags(bio);
    Engine& engine = of(bio);
    const std::size_t count = std::min(static_cast<std::size_t>(std::max(most, 0)), engine.input_.size());
    if (count == 0) {
      engine.wanted_ = static_cast<std::size_t>(std::max(most, 0));
      BIO_set_retry_read(bio);
      return -1;
    }
    std::memcpy(into, engine.input_.data(), count);
    engine.input_ = engine.input_.subspan(count);
    return static_cast<int>(count);
  }

  static int write(BIO* bio, const char* from, int count) noexcept {
    BIO_clear_retry_flags(bio);
    Engine& engine = of(bio);
    const std::string_view bytes(from, static_cast<std::size_t>(std::max(count, 0)));
    if (engine.sink_ != nullptr) return engine.sink_->put(bytes) ? count : -1;
    if (engine.pending_.size() + bytes.size() > most_pending) {
      engine.fail(make_error_code(Failure::too_many_messages));
      return -1;
    }
    try {
      engine.pending_ += bytes;
    } catch (...) {
      return -1;
    }
    return count;
  }

  static long control(BIO* /*bio*/, int what, long /*number*/, void* /*pointer*/) noexcept {
    return what == BIO_CTRL_FLUSH ? 1 : 0;
  }

  // OpenSSL's, made once, for as long as the program lives.
  static const BIO_METHOD* method() {
    static const BIO_METHOD* const made = [] {
      BIO_METHOD* const method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "parley");
      if (method == nullptr || BIO_meth_set_read(method, &read) != 1 ||
          BIO_meth_set_write(method, &write) != 1 || BIO_meth_set_ctrl(method, &control) != 1) {
        throw std::bad_alloc();
      }
      return method;
    }();
    return made;
  }
};

Engine::Engine(std::shared_ptr<ContextState> context, std::string server_hostname)
    : context_(std::move(context)), server_name_(std::move(server_hostname)) {
  ssl_ = context_->connection(*this, server_name_);
  BIO* const bio = BIO_new(Wire::method());
  if (bio == nullptr) throw std::bad_alloc();
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_.get(), bio, bio);
}

Engine::~Engine() {
  if (!done_ && !error_) ++context_->failed;
  // A session that was not ended in order may be resumed all the same: nothing was wrong with its keys.
  SSL_set_quiet_shutdown(ssl_.get(), 1);
  SSL_shutdown(ssl_.get());
  ERR_clear_error();
}

// Whoever speaks in clear is told so, and not that the version of its records is wrong. What comes first is a
// handshake, or a client's answer to one: an alert (RFC 8446, section 5.1).
bool Engine::looks_like_tls() {
  const auto type = static_cast<unsigned char>(input_.front());
  return type == SSL3_RT_HANDSHAKE || (type == SSL3_RT_ALERT && context_->role() == Role::client);
}

// The peer is told in its own words where these can be guessed, and otherwise by an alert, since it may be a
// version of TLS that nobody knows any more.
void Engine::refuse_plain() {
  fail(make_error_code(Failure::not_tls));
  const std::string_view came(input_.data(), std::min<std::size_t>(input_.size(), 40));
  const std::string_view line = came.substr(0, came.find_first_of("\r\n"));
  if (std::all_of(line.begin(), line.end(), [](char c) { return c >= ' ' && c <= '~'; })) {
    detail_ = concat("it said \"", line, '"');
  }
  if (context_->role() == Role::client) return;
  constexpr std::string_view methods[] = {"GET ", "HEAD ", "POST ", "PUT ", "DELETE ", "OPTIONS ", "PATCH "};
  const bool http = std::any_of(std::begin(methods), std::end(methods),
                                [&](std::string_view method) { return came.starts_with(method); });
  constexpr std::string_view alert("\x15\x03\x01\x00\x02\x02\x46", 7);  // fatal, protocol_version
  pending_ = http ? "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n"
                    "Content-Length: 39\r\n\r\nThis port speaks TLS: try https://...\r\n"
                  : alert;
}

Engine::Outcome Engine::handshake() {
  if (error_) return Outcome::failed;
  if (!begun_ && !input_.empty()) {
    begun_ = true;
    if (!looks_like_tls()) {
      refuse_plain();
      return Outcome::failed;
    }
  }
  ERR_clear_error();
  const Outcome result = outcome(SSL_do_handshake(ssl_.get()));
  if (result != Outcome::done) return result;
  done_ = true;
  control_messages_ = 0;
  ++context_->handshakes;
  if (SSL_session_reused(ssl_.get()) == 1) ++context_->resumed;
  return result;
}

Engine::Outcome Engine::read(std::span<char> into, std::size_t& read) {
  read = 0;
  if (error_) return Outcome::failed;
  ERR_clear_error();
  const int returned = SSL_read_ex(ssl_.get(), into.data(), into.size(), &read);
  if (control_messages_ > context_->control_messages) {
    read = 0;
    fail(make_error_code(Failure::too_many_messages));
    return Outcome::failed;
  }
  if (returned != 1) return outcome(returned);
  control_messages_ = 0;
  return Outcome::done;
}

Engine::Outcome Engine::write(std::string_view plaintext, Sink* sink) {
  if (error_) return Outcome::failed;
  sink_ = sink;
  Outcome result = Outcome::done;
  while (!plaintext.empty() && result == Outcome::done) {
    ERR_clear_error();
    std::size_t written = 0;
    const int returned = SSL_write_ex(ssl_.get(), plaintext.data(), plaintext.size(), &written);
    plaintext.remove_prefix(written);
    if (returned != 1) result = outcome(returned);
  }
  sink_ = nullptr;
  return result;
}

void Engine::end(Sink* sink) {
  if (error_ || !done_) return;
  sink_ = sink;
  ERR_clear_error();
  SSL_shutdown(ssl_.get());
  ERR_clear_error();
  sink_ = nullptr;
}

void Engine::drop_pending(std::size_t count) {
  if (count >= pending_.size()) return clear_pending();
  pending_.erase(0, count);
}

Engine::Outcome Engine::outcome(int returned) {
  switch (SSL_get_error(ssl_.get(), returned)) {
    case SSL_ERROR_NONE:
      return Outcome::done;
    case SSL_ERROR_WANT_READ:
      return Outcome::needs_input;
    case SSL_ERROR_ZERO_RETURN:
      return Outcome::ended;
    default:
      return failed();
  }
}

// The first reason is the cause.
void Engine::fail(std::error_code error) {
  if (error_) return;
  error_ = error;
  if (!done_) ++context_->failed;
}

Engine::Outcome Engine::failed() {
  const std::error_code reason = detail::take_error();
  const bool verification = !done_ && reason == std::error_code(SSL_R_CERTIFICATE_VERIFY_FAILED, category());
  fail(verification ? detail::certificate_error(SSL_get_verify_result(ssl_.get())) : reason);
  return Outcome::failed;
}

void Engine::refused(X509_STORE_CTX& store) {
  const X509* const which = X509_STORE_CTX_get_current_cert(&store);
  if (which == nullptr) return;
  const Certificate certificate = read_certificate(*which);
  switch (X509_STORE_CTX_get_error(&store)) {
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH: {
      const std::string names = names_of(certificate);
      detail_ = concat("it is for ", names.empty() ? "no host" : std::string_view(names), ", not for ",
                       server_name_);
      break;
    }
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
      detail_ =
          concat("nobody trusted has signed ", certificate.subject, ": its issuer is ", certificate.issuer);
      break;
    default:
      detail_ = concat("it is ", certificate);
  }
}

void Engine::keep_session(SSL_SESSION& session) {
  if (server_name_.empty()) return;
  SSL_SESSION_up_ref(&session);
  context_->sessions().put(server_name_, SessionPtr(&session));
}

}  // namespace parley::tls
