#pragma once

// For tests: two ends of TLS in memory, and what passes between them in the hands of the test.

#include <algorithm>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "parley/reactor/string_transport.h"
#include "parley/tls/authority_fixture.h"
#include "parley/tls/context.h"
#include "parley/tls/engine.h"
#include "parley/tls/filter.h"

namespace parley::tls {

// The friend of filters that tests look through.
class EngineOf {
 public:
  static const Engine& get(const Filter& filter) { return *filter.engine_; }
};

// What happens to the application at one end.
class Told final : public Protocol {
 public:
  void connection_made() override {
    ++made;
    if (!greeting.empty()) transport().write(greeting);
  }
  void data_received(std::span<char> lent) override {
    received.append(lent.data(), lent.size());
    ++deliveries;
    if (pauses) transport().pause_reading();
    if (received == closes_at) transport().lose_connection();
  }
  bool eof_received() override {
    ++ends;
    return stays;
  }
  void connection_lost(Reason reason) override { lost = reason; }
  using Protocol::transport;

  int made = 0;
  int deliveries = 0;
  int ends = 0;
  bool stays = false;
  bool pauses = false;
  std::string greeting;
  std::string closes_at = "never";
  std::string received;
  std::optional<Reason> lost;
};

// One end: a filter, and its application, on a transport of the test's.
struct End {
  explicit End(std::unique_ptr<parley::Filter> made) : filter(std::move(made)) {
    auto told = std::make_unique<Told>();
    application = told.get();
    filter->carry(std::move(told));
  }
  const Filter& tls() const { return static_cast<const Filter&>(*filter); }

  StringTransport transport;
  std::unique_ptr<parley::Filter> filter;
  Told* application;
};

class FilterFixture : public testing::Test {
 protected:
  FilterFixture() {
    const testing_tls::Issued issued = authority.issue({.names = {"localhost", "127.0.0.1"}});
    server_context.load_cert_chain_pem(issued.certificate, issued.key);
    client_context.load_verify_pem(authority.certificate());
  }

  void make(const std::string& name = "localhost") {
    server.emplace(server_context.wrap()(Address()));
    client.emplace(client_context.wrap(name)(Address()));
  }
  void connect() {
    server->transport.connect(*server->filter);
    client->transport.connect(*client->filter);
  }
  void begin(const std::string& name = "localhost") {
    make(name);
    connect();
    carry();
  }
  bool both_made() const { return client->application->made == 1 && server->application->made == 1; }
  // Carries bytes between both, at most `piece` at once, until nothing moves any more.
  void carry(std::size_t piece = std::string::npos) {
    for (bool moved = true; moved;) {
      moved = carry(client->transport, server->transport, piece);
      moved = carry(server->transport, client->transport, piece) || moved;
      server->transport.turn();
      client->transport.turn();
      moved = moved || !client->transport.written().empty() || !server->transport.written().empty();
    }
  }
  static bool carry(StringTransport& from, StringTransport& to, std::size_t piece) {
    const std::string bytes = from.written();
    from.clear();
    const bool moved = !bytes.empty();
    for (std::string_view rest = bytes; !rest.empty();) {
      const std::string_view some = rest.substr(0, piece);
      rest.remove_prefix(some.size());
      to.receive(some);
    }
    return moved;
  }
  // How many records there are, each with its header of five bytes (RFC 8446, section 5.1).
  static std::size_t records(std::string_view bytes) {
    std::size_t count = 0;
    while (bytes.size() >= 5) {
      const auto size = static_cast<std::size_t>(static_cast<unsigned char>(bytes[3])) << 8 |
                        static_cast<unsigned char>(bytes[4]);
      bytes.remove_prefix(std::min(bytes.size(), size + 5));
      ++count;
    }
    return count;
  }

  testing_tls::Authority authority;
  Context server_context = Context::server();
  Context client_context = Context::client();
  std::optional<End> server;
  std::optional<End> client;
};

}  // namespace parley::tls
