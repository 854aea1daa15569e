#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "parley/reactor/filter.h"
#include "parley/tls/certificate.h"
#include "parley/tls/context.h"
#include "parley/tls/details.h"

namespace parley::tls {

class Engine;
class HandshakeQueue;

// TLS over any transport: encrypts what its application writes, and decrypts what comes. The application's
// `connection_made` comes when the handshake is done; where that fails, it is told nothing, and the
// connection ends with the reason, after the alert (RFC 8446, section 6.2) has been sent. `Context::wrap`
// makes these; `Transport::insert` and `Stream::insert` put one under a living protocol, as STARTTLS does:
// what is to be said in clear is written before.
//
// All that one flush writes leaves in as few records as it can: 16 KiB each. `lose_connection` and
// `shutdown_write` send close_notify (section 6.1); where the peer sends it, the application is told
// `eof_received`. An end without it is an error, Failure::truncated, unless the application has closed
// before.
//
// A server's filter does nothing before the first byte has come: a peer that only connects costs no more than
// one without TLS. From then on handshakes of one `wrap` are counted; beyond `Context::handshakes_at_once`
// they wait for each other. How long a handshake may take is a setting of who makes the connections
// (`handshake_timeout`).
class Filter : public parley::Filter {
 public:
  // A server's.
  explicit Filter(const Context& context);
  // A client's, which reaches for this name or numeric address. Throws std::invalid_argument for what is
  // none.
  Filter(const Context& context, std::string_view server_hostname);
  ~Filter() override;

  // What was agreed on; before the handshake is done: nothing.
  Details details() const;

  void connection_made() override;
  void data_received(std::span<char> lent) override;
  bool eof_received() override;
  void reading_resumed() override;
  void connection_lost(Reason reason) override;
  void flush(Output& output) override;
  bool finish(Output& output) override;

 protected:
  // The handshake is done; the application is told next. What this throws ends the connection.
  virtual void handshake_done() {}
  // It has failed. The default does nothing: the context counts it, and calls what `set_handshake_failed` was
  // given.
  virtual void handshake_failed(const Error& /*error*/) {}

 private:
  friend class Context;
  friend class EngineOf;  // of tests
  friend class HandshakeQueue;
  class ToOutput;
  struct Queued;

  // One of those that wait for each other.
  Filter(const Context& context, std::shared_ptr<HandshakeQueue> queue);
  void begin_handshake() { resume_input(); }
  bool may_begin();
  bool closes() const;
  void leave_queue();
  void take_in(std::span<const char> came);
  void read_on();
  bool shake();
  void broken();
  void input_ended();

  std::shared_ptr<ContextState> context_;
  std::unique_ptr<Queued> queued_;  // until its handshake is over
  std::unique_ptr<Engine> engine_;
  std::string held_;             // what has come and was not read
  std::string server_hostname_;  // of a client
  bool failed_ = false;
  bool ended_ = false;  // the peer's direction, in order
  bool stays_ = false;  // and the application keeps its own
};

// The filter of a connection; null where there is none.
const Filter* find(const Transport& transport);

}  // namespace parley::tls
