#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include "parley/reactor/connect/race.h"
#include "parley/reactor/connector.h"
#include "parley/reactor/loop/registry.h"
#include "parley/reactor/reactor.h"
#include "parley/reactor/resolver.h"

namespace parley {

// A reactor's connectors and its resolver. Each connector goes round: addresses are found, raced for, one is
// adopted by the loop, and lost; its factory is told of each step from the loop.
class Connectors {
 public:
  Connectors(Reactor& reactor, ResolverSettings settings);
  ~Connectors();
  Connectors(const Connectors&) = delete;
  Connectors& operator=(const Connectors&) = delete;

  // Throws AddressError for an endpoint that cannot be, and whatever the factory throws when it starts.
  Connector connect(const Endpoint& endpoint, std::shared_ptr<Factory> factory, ConnectSettings settings);
  // Resolvers live as long as the reactor: somebody may still wait for the one before.
  void install(std::unique_ptr<Resolver> resolver);
  Resolver& resolver();
  // Gives up all that uses the loop, and calls nobody: before the loop goes.
  void drop();

  // For Connector, which only hands on.
  Connector::State state(EntryId id) const;
  Endpoint destination(EntryId id) const;
  TransportId connection(EntryId id) const;
  void again(EntryId id, Duration after);
  void stop(EntryId id);
  void disconnect(EntryId id);

 private:
  static constexpr std::size_t families = 2;
  struct Question {
    bool open = false;
    Resolver::Id id = 0;
    std::error_code error{};
  };
  struct Record {
    Connector connector;
    Connector::State state;
    Endpoint endpoint;
    std::vector<Address> numeric;  // none: the endpoint is a name
    std::shared_ptr<Factory> factory;
    ClientFactory* told;  // the same, where it wants to know
    ConnectSettings settings;
    Timer timer{};             // to begin; then the deadline; then to tell that it was stopped
    Timer resolution_delay{};  // until addresses of one family do without the other's
    bool stopped = false;      // and to be told so
    bool in_hook = false;      // where it may be asked to try again
    Resolver* asked = nullptr;
    std::array<Question, families> questions{};  // inet6, inet
    std::unique_ptr<Race> race{};
    TransportId connection{};
  };

  Record* find(EntryId id) const;
  void begin(EntryId id);
  void look_up(EntryId id);
  void answered(EntryId id, std::size_t which, const Resolver::Answer& answer);
  void won(EntryId id, TransportId connection, const Address& peer);
  void lost_race(EntryId id);
  void late(EntryId id);
  void connected(EntryId id);
  void lost(EntryId id, TransportId connection, Reason reason, std::string_view detail);
  void drop_half_made(Record& record);
  void fail(EntryId id, const SocketError& error);
  void fail_stopped(EntryId id);
  void tell_failed(Record& record, const SocketError& error);
  template <class Hook>
  void call_hook(Record& record, Hook hook);
  void clear(Record& record);
  void release(EntryId id);
  void stop_all();
  void arm();
  void stop_soon(Record& record);

  Reactor& reactor_;
  ResolverSettings settings_;
  std::vector<std::unique_ptr<Resolver>> resolvers_;  // the last one is asked
  Registry<Record> records_;
  bool armed_ = false;
  Trigger during_;
  Trigger after_;
};

}  // namespace parley
