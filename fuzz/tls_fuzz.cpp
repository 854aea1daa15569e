// TLS, either end, from what the wire brings. The first byte says which end, how the input is split, and
// whether it comes from the start or after a handshake in good order: then what follows says what an honest
// peer says, and what somebody in between puts there. Whatever that is, the application sees what the peer
// has said, in order, and nothing else.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "fuzz/must.h"
#include "parley/reactor/string_transport.h"
#include "parley/tls/authority_fixture.h"
#include "parley/tls/context.h"
#include "parley/tls/context_state.h"
#include "parley/tls/engine.h"
#include "parley/tls/filter.h"

namespace parley {
namespace {

class Application final : public Protocol {
 public:
  void data_received(std::span<char> lent) override { received.append(lent.data(), lent.size()); }
  bool eof_received() override { return true; }
  void connection_lost(Reason /*reason*/) override { lost = true; }

  std::string received;
  bool lost = false;
};

struct Contexts {
  Contexts() {
    const testing_tls::Authority authority;
    const testing_tls::Issued issued = authority.issue();
    server.load_cert_chain_pem(issued.certificate, issued.key);
    client.load_verify_pem(authority.certificate());
  }
  tls::Context server = tls::Context::server();
  tls::Context client = tls::Context::client();
};

const Contexts& contexts() {
  static const Contexts made;
  return made;
}

class Input {
 public:
  explicit Input(std::string_view bytes) : bytes_(bytes) {}

  bool empty() const { return bytes_.empty(); }
  unsigned byte() { return static_cast<unsigned char>(take(1).front()); }
  std::string_view take(std::size_t most) {
    const std::string_view taken = bytes_.substr(0, most);
    bytes_.remove_prefix(taken.size());
    return taken;
  }
  std::string_view rest() const { return bytes_; }

 private:
  std::string_view bytes_;
};

// One end under test, and the wire to it.
class End {
 public:
  explicit End(bool server)
      : filter_(server ? contexts().server.wrap()(Address())
                       : contexts().client.wrap("localhost")(Address())) {
    auto made = std::make_unique<Application>();
    application = made.get();
    filter_->carry(std::move(made));
    transport.connect(*filter_);
  }
  void receive(std::string_view bytes, std::size_t piece) {
    while (!bytes.empty() && !application->lost && !transport.closing()) {
      transport.receive(bytes.substr(0, piece));
      bytes.remove_prefix(std::min(piece, bytes.size()));
    }
    transport.turn();
  }

  StringTransport transport;
  Application* application;

 private:
  std::unique_ptr<Filter> filter_;
};

void from_the_start(bool server, std::size_t piece, Input& input) {
  End end(server);
  end.receive(input.rest(), piece);
  must(end.application->received.empty(), "something was received without a handshake");
}

// An honest peer.
void pump(tls::Engine& peer, End& end, std::size_t piece) {
  const std::string came = end.transport.written();
  end.transport.clear();
  peer.feed(came);
  if (peer.is_shaking()) peer.handshake();
  char plaintext[1000];
  while (!peer.is_shaking() && !peer.error() && peer.holds_input()) {
    std::size_t size = 0;
    if (peer.read(plaintext, size) != tls::Engine::Outcome::done) break;
  }
  peer.feed({});
  const std::string answer(peer.pending());
  peer.clear_pending();
  end.receive(answer, piece);
}

void after_a_handshake(bool server, std::size_t piece, Input& input) {
  End end(server);
  tls::Engine peer(tls::ContextState::shared(server ? contexts().client : contexts().server),
                   server ? "localhost" : "");
  for (int i = 0; i < 4; ++i) pump(peer, end, std::string::npos);
  must(!peer.is_shaking(), "the handshake was not done");
  SSL* const ssl = const_cast<SSL*>(&peer.ssl());
  std::string said;
  bool paused = false;
  while (!input.empty() && !end.application->lost) {
    const unsigned what = input.byte();
    const std::size_t count = what / 8;
    switch (what % 8) {
      case 0:
      case 1: {
        const std::string_view words = input.take(count);
        if (peer.write(words) == tls::Engine::Outcome::done) said += words;
        break;
      }
      case 2:
        end.receive(input.take(count), piece);
        break;  // somebody in between
      case 3:
        SSL_key_update(ssl, (count & 1) != 0 ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED);
        break;
      case 4:
        peer.end();
        break;
      case 5:
        end.transport.write(input.take(count));
        break;
      case 6:
        paused = !paused;
        paused ? end.transport.pause_reading() : end.transport.resume_reading();
        break;
      default:
        pump(peer, end, piece);
    }
    must(std::string_view(said).starts_with(end.application->received), "what was received was not said so");
  }
}

}  // namespace
}  // namespace parley

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  parley::Input input({reinterpret_cast<const char*>(data), size});
  const unsigned how = input.byte();
  const bool server = (how & 1) != 0;
  const std::size_t piece = how / 4 == 0 ? std::string::npos : how / 4;
  (how & 2) != 0 ? parley::after_a_handshake(server, piece, input)
                 : parley::from_the_start(server, piece, input);
  return 0;
}
