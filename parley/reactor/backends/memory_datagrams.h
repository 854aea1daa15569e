#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <system_error>
#include <vector>

#include "parley/reactor/backend.h"
#include "parley/reactor/backends/memory_world.h"

namespace parley::memory {

// What is told in a turn, by the serial number of whom.
struct Event {
  enum Kind {
    outcome,  // of connecting
    received,
    failed,
    written,
    finished,
    accepted,
    ready,
    datagrams,  // from here on of a socket of datagrams
    sent,
    told,
    closed,
  } kind;
  std::uint32_t serial;
};

// The memory back end's sockets of datagrams.
class MemoryDatagrams {
 public:
  MemoryDatagrams(const BackendSetting& setting, World& world, const void* machine);
  ~MemoryDatagrams();

  Result<Address> bind(DatagramSlot& slot, const Address& at, const DatagramOptions& options);
  std::error_code connect(DatagramSlot& slot, const Address& peer);
  std::error_code change(DatagramSlot& slot, const DatagramChange& what);
  void set_receiving(DatagramSlot& slot, bool on);
  Sent start_send(DatagramSlot& slot, std::span<const Outgoing> batch);
  void close(DatagramSlot& slot);
  Address host(const DatagramSlot& slot) const;

  void check_storage() const;
  // Adds what can be told in this turn. Answers whether something is left that could happen now.
  bool collect(std::vector<Event>& events);
  void submit(std::vector<Event>& events);
  void tell(const Event& event);

 private:
  enum class Batch {
    none,
    pending,  // it is pinned
    full,     // it found no room: to be told when there is some
  };
  // A datagram of a pending batch, and what it was.
  struct Pinned {
    Outgoing given;
    std::string bytes;
    std::optional<Address> to;
    std::optional<Address> from;
  };
  struct Port {
    DatagramSlot* slot;
    int descriptor;
    std::shared_ptr<Mailbox> mailbox;
    bool receiving = false;
    bool closing = false;
    Batch batch = Batch::none;
    std::vector<Pinned> pinned{};
  };

  Port& used(const DatagramSlot& slot);
  const Port& known(const DatagramSlot& slot) const;
  bool has_room(const Port& port) const;
  void receive(Port& port);
  void complete(Port& port);
  void finish(std::uint32_t serial);

  Backend::Upcalls& up_;
  const Limits& limits_;
  World& world_;
  const void* machine_;
  std::map<std::uint32_t, Port> ports_;
  std::map<const DatagramSlot*, std::uint32_t> storage_;
  std::uint32_t last_serial_ = 0;
};

}  // namespace parley::memory
