#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "parley/tls/authority_fixture.h"
#include "parley/tls/context.h"
#include "parley/tls/context_state.h"
#include "parley/tls/engine.h"
#include "tests/conformance/connecting.h"

namespace parley::conformance {

// The far end of a connection, speaking TLS.
class TlsPeer {
 public:
  TlsPeer(std::unique_ptr<Peer> wire, const tls::Context& context, std::string server_hostname)
      : wire_(std::move(wire)), engine_(tls::ContextState::shared(context), std::move(server_hostname)) {}

  // Takes what has come, and answers.
  void pump() {
    const std::string& came = wire_->received();
    if (came.size() == taken_ && began_) return;
    began_ = true;
    const std::string fresh = came.substr(taken_);
    taken_ = came.size();
    engine_.feed(fresh);
    if (engine_.is_shaking()) engine_.handshake();
    std::string plaintext(tls::Engine::record_size, '\0');
    while (!engine_.is_shaking() && engine_.holds_input()) {
      std::size_t size = 0;
      const auto outcome = engine_.read(plaintext, size);
      received.append(plaintext, 0, size);
      if (outcome == tls::Engine::Outcome::ended) ended = true;
      if (outcome != tls::Engine::Outcome::done) break;
    }
    engine_.feed({});
    send_pending();
    if (!engine_.is_shaking()) send(std::exchange(later_, {}));
  }
  void send(std::string_view plaintext) {
    if (engine_.is_shaking()) {
      later_ += plaintext;
    } else if (!plaintext.empty()) {
      while (!plaintext.empty()) {  // no more than may be pending
        const std::string_view some = plaintext.substr(0, tls::Engine::record_size);
        plaintext.remove_prefix(some.size());
        engine_.write(some);
        send_pending();
      }
    }
  }
  // close_notify.
  void end() {
    engine_.end();
    send_pending();
  }
  void send_pending() {
    if (engine_.pending().empty()) return;
    wire_->send(engine_.pending());
    engine_.clear_pending();
  }
  Peer& wire() { return *wire_; }
  const tls::Engine& engine() const { return engine_; }

  std::string received;
  bool ended = false;  // by close_notify

 private:
  std::unique_ptr<Peer> wire_;
  tls::Engine engine_;
  std::string later_;
  std::size_t taken_ = 0;
  bool began_ = false;
};

// Connections over TLS, on each back end.
class Tls : public Connecting {
 protected:
  struct Secret {
    std::shared_ptr<TlsPeer> peer;
    Story* story;

    Transport& wire() const { return story->actor->wire(); }
  };

  void SetUp() override {
    Connecting::SetUp();
    const testing_tls::Issued issued = authority().issue();
    server_context.load_cert_chain_pem(issued.certificate, issued.key);
    client_context.load_verify_pem(authority().certificate());
  }
  void TearDown() override {
    Connecting::TearDown();
    peers_.clear();
  }
  // Made once: what it issues differs anyway.
  static const testing_tls::Authority& authority() {
    static const testing_tls::Authority made;
    return made;
  }

  // A client of ours that has come; its handshake has not begun.
  Secret arrive(Script script = {}, bool narrow = false, Duration handshake = std::chrono::seconds(10)) {
    Story& story = new_story();
    const auto make = [&story, script] { return std::make_unique<Actor>(story, script); };
    const ListeningPort at = reactor().listen_tcp(
        {"127.0.0.1", 0}, make, {.wrap = server_context.wrap(), .handshake_timeout = handshake});
    return {speak(outside().connect(at.host(), narrow), client_context, "localhost"), &story};
  }
  std::shared_ptr<TlsPeer> speak(std::unique_ptr<Peer> wire, const tls::Context& context, std::string host) {
    auto peer = std::make_shared<TlsPeer>(std::move(wire), context, std::move(host));
    peers_.push_back(peer);
    return peer;
  }
  // Turns until it is so.
  bool until(const std::function<bool()>& so) {
    return Connecting::until([&] {
      for (const auto& peer : peers_) peer->pump();
      return so();
    });
  }
  Secret made(Script script = {}, bool narrow = false) {
    Secret secret = arrive(std::move(script), narrow);
    EXPECT_TRUE(until([&] { return secret.story->made() && !secret.peer->engine().is_shaking(); }));
    return secret;
  }

  tls::Context server_context = tls::Context::server();
  tls::Context client_context = tls::Context::client();
  std::vector<std::shared_ptr<TlsPeer>> peers_;
};

}  // namespace parley::conformance
