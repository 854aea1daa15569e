#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "parley/reactor/backend.h"
#include "parley/reactor/backends/memory_datagrams.h"
#include "parley/reactor/backends/memory_world.h"

namespace parley::memory {

// The back end on a network in memory, in the manner of completions: it has things done, and hears later what
// became of them. It watches whoever calls it, and ends the program when a rule of the seam is broken.
class MemoryBackend final : public Backend {
 public:
  MemoryBackend(const BackendSetting& setting, World& world);
  ~MemoryBackend() override;

  void open(StreamSlot& slot, Handle handle) override;
  void connect(StreamSlot& slot, const Address& to, const ConnectOptions& options) override;
  void discard(Handle handle) noexcept override;
  void set_reading(StreamSlot& slot, bool on) override;
  void limit_input(std::size_t bytes) override { input_bytes_ = bytes; }
  InputBlock take_lent(std::span<const char> lent) override;
  Written start_write(StreamSlot& slot, std::span<const std::string_view> pieces) override;
  std::size_t offer(StreamSlot& slot, std::span<const std::string_view> pieces) override;
  Written start_send_file(StreamSlot& slot, Handle file, std::uint64_t offset, std::size_t count) override;
  void shutdown_write(StreamSlot& slot) override;
  void close(StreamSlot& slot, bool reset) override;
  void detach(StreamSlot& slot) override;
  Address host(const StreamSlot& slot) const override;
  std::optional<std::size_t> held(const StreamSlot& slot) const override;
  std::error_code set_option(StreamSlot& slot, StreamOption what, bool on) override;
  Result<bool> option(const StreamSlot& slot, StreamOption what) const override;
  // Its numbers are no descriptors of the system.
  int fileno(const Slot& /*slot*/) const override { return -1; }

  Result<Address> listen(ListenerSlot& slot, const Address& address, const ListenOptions& options) override;
  Result<Address> adopt(ListenerSlot& slot, Handle handle, const ListenOptions& options) override;
  void set_accepting(ListenerSlot& slot, bool on) override;
  bool refuse(ListenerSlot& slot, std::string_view words) override;
  void unlisten(ListenerSlot& slot) override;

  Result<Address> bind(DatagramSlot& slot, const Address& at, const DatagramOptions& options) override;
  std::error_code connect(DatagramSlot& slot, const Address& peer) override;
  std::error_code change(DatagramSlot& slot, const DatagramChange& what) override;
  void set_receiving(DatagramSlot& slot, bool on) override;
  Sent start_send(DatagramSlot& slot, std::span<const Outgoing> batch) override;
  void close(DatagramSlot& slot) override;
  Address host(const DatagramSlot& slot) const override;

  void watch(WatchSlot& slot, Handle handle, Interest wanted) override;
  void rewatch(WatchSlot& slot, Interest wanted) override;
  void unwatch(WatchSlot& slot) override;

  void submit() override;
  void turn(std::optional<Time> deadline) override;
  void wake() noexcept override;
  void renew() override;

 private:
  // A receive that has been completed.
  struct Arrived {
    std::string bytes;
    bool end = false;
  };
  enum class Write {
    none,
    pending,  // its bytes are pinned
    full,     // it was not taken whole: to be told when there is room
  };
  enum class Handshake {
    leaving_us,  // a connection that is being made: nobody has heard of it yet
    arrived,     // it is known what becomes of it
    connected,
  };
  struct Link {
    StreamSlot* slot;
    int descriptor;
    std::shared_ptr<Wire> wire;
    Handshake handshake = Handshake::connected;
    std::error_code error{};  // of our own side: it was not made, a file was too short
    bool reading = false;     // wanted
    bool armed = false;       // the kernel receives
    bool ended = false;
    bool failed = false;
    bool shut = false;
    bool closing = false;
    bool resetting = false;
    bool detaching = false;
    std::size_t taken_in = 0;  // bytes in this turn
    std::deque<Arrived> at_hand{};
    Write write = Write::none;
    std::vector<std::string_view> pinned{};
    int file = -1;  // instead of them
    std::uint64_t file_offset = 0;
    std::string copy{};  // of what is pinned

    bool leaving() const { return closing || detaching; }
    std::error_code failure() const { return error ? error : wire->broken; }
    void unpin() {
      write = Write::none;
      pinned.clear();
      file = -1;
      copy.clear();
    }
  };
  struct Port {
    ListenerSlot* slot;
    int descriptor;
    bool accepting = false;
    ListenOptions options;  // of what it accepts
  };
  struct Seen {
    WatchSlot* slot;
    int descriptor;
    Interest wanted;
  };
  // `connected`: not before `on_connected`. `writable`: and where a write may be started.
  Link& used(const StreamSlot& slot);
  Link& connected(const StreamSlot& slot);
  Link& writable(const StreamSlot& slot);
  const Link& known(const StreamSlot& slot) const;
  Port& used(const ListenerSlot& slot);
  Seen& used(const WatchSlot& slot);
  void check_storage() const;

  Link& add(StreamSlot& slot, int descriptor, const std::shared_ptr<Wire>& wire);
  // A write of all of `bytes`: what is taken at once, and what becomes of the rest.
  Written begin_write(Link& link, std::string_view bytes);
  std::size_t take(Link& link, std::string_view bytes, std::size_t most);

  // What can be told in this turn goes into `events_`. Each answers whether something is left that could
  // happen without anybody's doing.
  bool collect();
  bool collect_received();
  bool collect_others();
  bool collect_stream(std::uint32_t serial, Link& link);
  bool happens(Event::Kind kind, std::uint32_t serial);
  bool receive(std::uint32_t serial, Link& link, std::size_t most);
  void wait(std::optional<Time> deadline);
  bool woken();
  void tell(const Event& event);
  void tell_stream(const Event& event);
  void tell_outcome(Link& link);
  void tell_failed(Link& link);
  void tell_received(Link& link);
  void tell_accepted(Port& port);
  bool can_complete(const Link& link) const;
  void check_pinned(const Link& link) const;
  void complete(Link& link);
  void complete_together();
  void finish(std::uint32_t serial);

  Upcalls& up_;
  const Limits& limits_;
  std::size_t input_bytes_ = limits_.read_bytes;  // of one connection and turn
  World& world_;
  MemoryDatagrams datagrams_;
  // By serial numbers, which stand in the storage as `state`: in an order that a seed repeats.
  std::map<std::uint32_t, Link> links_;
  std::map<std::uint32_t, Port> ports_;
  std::map<std::uint32_t, Seen> seen_;
  std::map<const StreamSlot*, std::uint32_t> storage_;
  std::uint32_t last_serial_ = 0;
  std::uint32_t first_served_ = 0;
  std::vector<Event> events_;
  InputBlock lent_;  // while it is lent, and was not taken
  bool in_turn_ = false;
  bool in_submit_ = false;

  std::mutex mutex_;  // of what follows: `wake` comes from other threads
  std::condition_variable woken_up_;
  bool woken_ = false;
};

}  // namespace parley::memory
