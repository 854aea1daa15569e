#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "parley/base/clock.h"
#include "parley/reactor/filter.h"
#include "parley/tls/certificate.h"
#include "parley/tls/error.h"

namespace parley {
class Socket;
}

namespace parley::tls {

class ContextState;
class Engine;
class TlsSocket;

// How `Context::wrap_socket` begins.
struct WrapOptions {
  // Whether it waits for the handshake, within the socket's timeout. Otherwise `do_handshake` does, or the
  // first call that receives or sends.
  bool do_handshake_on_connect = true;
};

// Versions of TLS, older ones of which are refused: RFC 5246 and RFC 8446.
enum class Version : std::uint8_t { tls1_2, tls1_3 };
// `TLS 1.3`.
void print(Writer& out, Version version);

// Which end of a connection this is: who asks for the handshake, and who answers.
enum class Role : std::uint8_t { client, server };

// Whether the peer must show a certificate: Python's CERT_NONE, CERT_OPTIONAL and CERT_REQUIRED. One that it
// shows is checked, unless it is `none`.
enum class VerifyMode : std::uint8_t { none, optional, required };

// What has come of a context's connections. Numbers since it was made; thread: any.
struct Statistics {
  std::uint64_t handshakes = 0;  // done
  std::uint64_t resumed = 0;     // of these
  std::uint64_t failed = 0;      // handshakes that were not
};

// Answers the passphrase of a key's file. Empty: there is none.
using Password = std::function<std::string()>;

// What connections over TLS have in common, with Python's names (ssl.SSLContext): certificates, whom to
// trust, versions. It is set up first, by one thread, and then shared: by many connections, threads and
// loops. Copies are the same context. Each function that reads something throws tls::Error, or SocketError
// where a file cannot be read, and changes nothing then.
class Context {
 public:
  // For connecting: the server must show a certificate that the system's authorities vouch for, and that is
  // for the name that was asked for. Python's create_default_context().
  static Context client();
  // For serving: nobody is asked for a certificate. `load_cert_chain` comes next. Python's
  // create_default_context(Purpose.CLIENT_AUTH).
  static Context server();

  Role role() const;

  // Who we are: a file in PEM with our certificate and those that it is signed by, one after another, and its
  // key, which stands in the same file where none is named. A second pair of another kind (RSA beside ECDSA)
  // is added; one of the same kind takes the place of the first. The files are looked at again, at most once
  // in `reload_interval`, when a handshake begins: what they hold then is for new connections, unless it is
  // broken, or its key is another's; then the old pair stays, and `reload_failed` is told why.
  void load_cert_chain(const std::string& certificates, const std::string& key = {},
                       const Password& password = {});
  // The same from memory; nothing is looked at again.
  void load_cert_chain_pem(std::string_view certificates, std::string_view key,
                           const Password& password = {});
  // Looks at the files now, after a SIGHUP say. Throws what is wrong with them; the old pairs stay then.
  // Thread: any, also while connections are made.
  void reload();
  void set_reload_interval(Duration interval);  // a minute at first
  // Is called on the thread whose handshake begins, which goes on with the old pair.
  void set_reload_failed(std::function<void(const SocketError&)> call);

  // Whom to trust: a file in PEM with certificates of authorities, a folder of them as `openssl rehash` makes
  // it, or both; one may be empty.
  void load_verify_locations(const std::string& file, const std::string& folder = {});
  void load_verify_pem(std::string_view certificates);
  // Those of the system, as `client` does.
  void load_default_certs();
  // The same for a client whose certificate is to be checked: a server names them to it.
  void load_client_ca(const std::string& file);

  // `required` at first for a client, `none` for a server. A client with `none` is told nothing about whom it
  // talks to: for tests alone.
  void set_verify_mode(VerifyMode mode);
  VerifyMode verify_mode() const;
  // Whether a client compares the names of the certificate with the one that it has asked for. On at first.
  void set_check_hostname(bool check);
  bool check_hostname() const;

  // 1.2 and 1.3 at first.
  void set_minimum_version(Version version);
  void set_maximum_version(Version version);
  // Protocols that are spoken above, the best first, each at most 255 bytes (RFC 7301): "h2", "http/1.1".
  // Where both ends name some and none is common, the server ends the handshake. Throws
  // std::invalid_argument.
  void set_alpn_protocols(const std::vector<std::string>& protocols);
  // Ciphers of TLS 1.2, in OpenSSL's words; and of TLS 1.3. Throws where none is known.
  void set_ciphers(const std::string& ciphers);
  void set_ciphersuites(const std::string& ciphers);

  // A server's other names (SNI, RFC 6066, section 3): who asks for `name` (`*.example.org`: for any one
  // label in front) is served by this context, with its certificates and its question for the client's. The
  // first call that answers nothing and finds no name leaves the connection with its own.
  void add_server_name(const std::string& name, const Context& context);
  // Asked first: the context to serve with; nothing: look further. What it throws ends the handshake. Called
  // on the thread of the connection.
  void set_servername_callback(std::function<std::optional<Context>(std::string_view name)> call);

  // Keys of a server's session tickets (RFC 8446, section 4.6.1), 80 bytes, for several processes that resume
  // each other's sessions. Without them each process makes its own. Who has them reads what was recorded with
  // them: they are to be changed each day or so. Throws std::invalid_argument for another size.
  void set_ticket_keys(std::string_view keys);
  // How many tickets a client is given; 0: none, and nothing is resumed. 2 at first.
  void set_num_tickets(std::size_t count);

  // Secrets of each connection are appended to this file, for Wireshark (SSLKEYLOGFILE); empty: not.
  void set_keylog_filename(const std::string& path);

  // Messages of TLS itself without any data between them (key updates, say) beyond which a connection is
  // ended. 64 at first.
  void set_control_messages(std::size_t most);

  // Handshakes of one `wrap` that run at once; those beyond them wait for each other. 1000 at first.
  void set_handshakes_at_once(std::size_t most);
  // Is told why a handshake with a client has failed, as who keeps a log wants to know. Strangers can cause
  // that. Called on the thread of the connection.
  void set_handshake_failed(std::function<void(const Error&)> call);

  Statistics statistics() const;

  // A filter for each connection of a server, or of a client that reaches for `server_hostname` (a name as it
  // stands in a URL, or a numeric address): what `ListenSettings::wrap` and `ConnectSettings::wrap` take.
  // Throws std::logic_error for a context of the other role, std::invalid_argument for a name that is none.
  Wrap wrap() const;
  Wrap wrap(std::string_view server_hostname) const;

  // TLS over a socket that is connected, for programs that wait (<parley/tls/socket.h>): a server's, and
  // a client's, which has reached for `server_hostname`. The socket is taken: it is closed where this throws.
  // Bytes that nobody has received from it yet are TLS's. Throws as `wrap` does; std::invalid_argument for a
  // socket that is no stream, that has TLS already, or that does not block and is to wait for its handshake;
  // and what TlsSocket::do_handshake throws.
  TlsSocket wrap_socket(Socket socket, const WrapOptions& how = {}) const;
  TlsSocket wrap_socket(Socket socket, std::string_view server_hostname, const WrapOptions& how = {}) const;

 private:
  friend class ContextState;
  explicit Context(std::shared_ptr<ContextState> state) : state_(std::move(state)) {}

  std::shared_ptr<ContextState> state_;
};

}  // namespace parley::tls
