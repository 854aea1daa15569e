#pragma once

// Private to parley/tls: one connection's TLS, without I/O.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <system_error>

#include "parley/tls/context_state.h"
#include "parley/tls/details.h"
#include "parley/tls/openssl.h"

namespace parley::tls {

// Takes what came from the wire, and gives what goes there. What it makes waits in `pending` until it is
// taken, unless there is a `Sink` to give it to at once. It keeps no buffers while nothing is under way:
// OpenSSL's are released, and what came is read where it stands.
class Engine {
 public:
  enum class Outcome : std::uint8_t {
    done,         // what was asked for
    needs_input,  // more has to come first
    ended,        // close_notify has come
    failed,       // `error` says why; what is pending is the alert for the peer
  };
  // Where bytes go at once: a flush.
  class Sink {
   public:
    // False: it cannot; the connection fails.
    virtual bool put(std::string_view bytes) noexcept = 0;

   protected:
    ~Sink() = default;
  };
  // More than this that the peer does not take, of messages of TLS itself, ends the connection.
  static constexpr std::size_t most_pending = 64 * 1024;
  // The most plaintext that one record holds (RFC 8446, section 5.1).
  static constexpr std::size_t record_size = 16 * 1024;

  // Throws Error, std::bad_alloc.
  Engine(std::shared_ptr<ContextState> context, std::string server_hostname);
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;
  ~Engine();

  // What came. It is read by the calls below, and must stay until they need more input.
  void feed(std::span<const char> came) { input_ = came; }
  // What of it was not read.
  std::span<const char> input() const { return input_; }
  // How many bytes it has asked for at last and not had: none of them is beyond the record that it reads.
  std::size_t wanted() const { return wanted_; }

  Outcome handshake();
  // Some plaintext; `read` is how much.
  Outcome read(std::span<char> into, std::size_t& read);
  // Whether there is something to read without more input.
  bool holds_input() const { return !input_.empty() || SSL_has_pending(ssl_.get()) == 1; }
  // All of it, in as few records as it can be. `done` or `failed`.
  Outcome write(std::string_view plaintext, Sink* sink = nullptr);
  // The end of our direction: close_notify.
  void end(Sink* sink = nullptr);

  std::string_view pending() const { return pending_; }
  void clear_pending() { std::string().swap(pending_); }
  void drop_pending(std::size_t count);

  // Why it has failed, and what is known beyond the code's text.
  std::error_code error() const { return error_; }
  const std::string& detail() const { return detail_; }
  // It fails for a reason of its owner's.
  void fail(std::error_code error);

  bool is_shaking() const { return !done_; }
  const SSL& ssl() const { return *ssl_; }
  ContextState& context() const { return *context_; }
  // A server: what the client has asked for; a client: what it has asked for. Empty: nothing.
  const std::string& server_name() const { return server_name_; }

  // For the callbacks of the context.
  void refused(X509_STORE_CTX& store);
  void keep_session(SSL_SESSION& session);
  void control_message() noexcept { ++control_messages_; }
  bool has_chosen() const { return has_chosen_; }
  void choose(std::string name) {
    server_name_ = std::move(name);
    has_chosen_ = true;
  }
  // The context that SNI has chosen lives as long as the connection.
  void serve_with(std::shared_ptr<ContextState> chosen) { chosen_ = std::move(chosen); }
  void lacks_certificate() { fail(make_error_code(Failure::no_certificate)); }

 private:
  struct Wire;

  Outcome outcome(int returned);
  Outcome failed();
  bool looks_like_tls();
  void refuse_plain();

  std::shared_ptr<ContextState> context_;
  std::shared_ptr<ContextState> chosen_;
  std::span<const char> input_;
  std::size_t wanted_ = 0;
  Sink* sink_ = nullptr;
  std::string pending_;
  std::string server_name_;
  std::string detail_;
  std::error_code error_;
  std::size_t control_messages_ = 0;  // since there was data
  bool begun_ = false;
  bool done_ = false;
  bool has_chosen_ = false;  // the context that serves it
  SslPtr ssl_;               // the first to go: it writes nothing then
};

Details details_of(const Engine& engine);

}  // namespace parley::tls
