#include "parley/reactor/datagram/datagram_ports.h"

#include <deque>
#include <stdexcept>
#include <string>
#include <utility>

#include "parley/base/print.h"
#include "parley/reactor/datagram/asked_addresses.h"
#include "parley/socket/opening.h"

namespace parley {

namespace {

// Of errors, and of datagrams that are sent before the turn's end.
constexpr std::size_t most_at_once = DatagramQueue::most_at_once;

std::string_view advice(std::error_code error) {
  if (error == std::errc::message_size) return "send less in one datagram";
  if (error == std::errc::destination_address_required || error == std::errc::not_connected) {
    return "name an address, or connect first";
  }
  if (error == std::errc::permission_denied) return "set_broadcast(true), for a broadcast address";
  if (error == std::errc::connection_refused) return "nobody listens there";
  return {};
}

std::string_view advice_on_groups(std::error_code error) {
  if (error == std::errc::invalid_argument) return "no multicast address";
  if (error == std::errc::address_in_use) return "a member already";
  if (error == std::errc::address_not_available) return "not a member";
  if (error == std::errc::no_such_device) {
    return "no such interface, or no route to the group: name an interface";
  }
  return {};
}

// Said when it is written, and not by the kernel when it is sent.
void require_reachable(const Address& to, Family family, bool ipv6_alone) {
  const Family own = to.family();
  const bool fits = own == family || (own == Family::unspecified && family != Family::local) ||
                    (own == Family::inet && family == Family::inet6 && !ipv6_alone);
  if (!fits) {
    throw AddressError(concat(to, " is an address of family ", own, ", the socket's family is ", family,
                              ipv6_alone ? " alone (v6_only)" : ""));
  }
  if (family == Family::local && to.path().empty()) {
    throw AddressError(concat(to, " is a peer without a name: it cannot be reached by it"));
  }
}

// It was to leave from an address that we have no more.
bool is_of_our_address(std::error_code error) {
  return error == std::errc::address_not_available || error == std::errc::invalid_argument ||
         error == std::errc::network_unreachable || error == std::errc::no_such_device;
}

}  // namespace

// One socket.
class DatagramPorts::Port final : public DatagramTransport, public DatagramSlot {
 public:
  Port(DatagramPorts& ports, EntryId id) : ports_(ports), id_(id), queue_(ports.spare_) {}

  EntryId id() const { return id_; }
  // Nothing is to be given back where it throws.
  void open(const Address& at, const DatagramOptions& options) {
    const Result<Address> host = backend().bind(*this, at, options);
    if (!host) {
      throw SocketError("bind", concat(at), system_code(host.error()), advice_on_opening(host.error()));
    }
    // At every address it is the family of the socket that there was to be had.
    family_ = at.family() == Family::unspecified ? host->family() : at.family();
    ipv6_alone_ = family_ == Family::inet6 && options.v6_only;
  }
  void start(std::unique_ptr<DatagramProtocol> protocol) {
    protocol_ = std::move(protocol);
    protocol_->transport_ = this;
    backend().set_receiving(*this, true);
  }
  void tell_start() {
    if (ended_) return;
    started_ = true;
    call([](DatagramProtocol& protocol) { protocol.start_protocol(); });
  }
  void tell_stop() {
    if (started_) call([](DatagramProtocol& protocol) { protocol.stop_protocol(); });
    protocol_.reset();
  }
  void tell_errors() {
    failing_ = false;
    std::vector<SocketError> errors;
    errors.swap(errors_);
    const bool refused = std::exchange(refused_, false);
    if (refused && !ended_) call([](DatagramProtocol& protocol) { protocol.connection_refused(); });
    for (const SocketError& error : errors) {
      if (ended_) return;
      call([&](DatagramProtocol& protocol) { protocol.error_received(error); });
    }
  }
  // What had been received when reading was paused comes first.
  void go_on() {
    resuming_ = false;
    while (reading() && !resuming_ && !kept_.empty()) {
      Kept kept = std::move(kept_.front());
      kept_.pop_front();
      deliver(kept.bytes, kept.peer, kept.asked);
    }
    // Paused again meanwhile, it stays silent.
    if (reading() && !resuming_) backend().set_receiving(*this, true);
  }
  void flush() {
    unsent_ = false;
    send_now();
  }
  // Gives its socket back; `on_closed` follows.
  void close() {
    host_ = backend().host(*this);
    ended_ = true;
    backend().close(*this);
  }
  bool ended() const { return ended_; }

  // Backend::Upcalls

  void on_datagrams(std::span<Received> lent) {
    for (const Received& each : lent) {
      if (ended_) return;
      if (!each.whole) {
        ++dropped_;
        failed("recv", each.peer, std::make_error_code(std::errc::message_size));
      } else if (reading() && !resuming_) {
        deliver(each.bytes, each.peer, each.asked);
      } else {  // paused in the middle of the batch
        with_relief(ports_.connections_, [&] {
          kept_.push_back({std::string(each.bytes.data(), each.bytes.size()), each.peer, each.asked});
        });
      }
    }
  }
  void on_sent(std::size_t count, std::error_code error) {
    full_ = false;
    if (queue_.in_batch()) finished(count, error);
    if (!ended_) list();
  }
  void on_error(std::error_code error) {
    if (ended_) return;
    if (!started_) return failed("recv", peer_, error);
    if (refused(error)) return call([](DatagramProtocol& protocol) { protocol.connection_refused(); });
    call([&](DatagramProtocol& protocol) {
      protocol.error_received(SocketError("recv", concat(peer_), error, advice(error)));
    });
  }
  void on_closed() { closed_ = true; }
  bool closed() const { return closed_; }

  // DatagramTransport

  void write(std::string_view bytes, const Address& to) override {
    if (!makes_room(bytes, to)) return;
    require_reachable(to, family_, ipv6_alone_);
    queue_.append(bytes, &to, asked_.find(to));
    written();
  }
  void write(std::string_view bytes) override {
    if (!makes_room(bytes, peer_)) return;
    queue_.append(bytes, nullptr, {});
    written();
  }
  void connect(const Address& peer) override {
    if (ended_) return;
    require_reachable(peer, family_, ipv6_alone_);
    if (const std::error_code error = backend().connect(*this, peer)) {
      const bool left_over = error == std::errc::connection_refused && family_ == Family::local;
      throw SocketError("connect", concat(peer), error,
                        left_over ? "the socket file is there, but nobody listens on it" : "");
    }
    peer_ = peer;
  }
  Address peer() const override { return peer_; }
  Address host() const override { return ended_ ? host_ : backend().host(*this); }
  int fileno() const override { return ended_ ? -1 : backend().fileno(*this); }
  void pause_reading() override {
    if (!reading()) return;
    paused_ = true;
    backend().set_receiving(*this, false);
  }
  void resume_reading() override {
    if (!paused_ || ended_) return;
    paused_ = false;
    if (std::exchange(resuming_, true)) return;
    add(ports_.due_.resuming, id_, ports_.connections_);
    ports_.agenda_.put_off(Agenda::Due::datagrams);
  }
  bool reading() const override { return !paused_ && !ended_; }
  void join_group(const Address& group, std::uint32_t interface) override {
    change_group("join_group", {.what = DatagramChange::join, .value = interface, .group = group});
  }
  void leave_group(const Address& group, std::uint32_t interface) override {
    change_group("leave_group", {.what = DatagramChange::leave, .value = interface, .group = group});
  }
  void set_multicast_ttl(int routers) override {
    if (routers < 0 || routers > 255) {
      throw std::invalid_argument(concat("set_multicast_ttl: ", routers, " is out of range (0 to 255)"));
    }
    change("set_multicast_ttl", DatagramChange::hops, static_cast<std::uint32_t>(routers));
  }
  void set_multicast_loop(bool on) override {
    change("set_multicast_loop", DatagramChange::loop, on ? 1 : 0);
  }
  void set_multicast_interface(std::uint32_t interface) override {
    change("set_multicast_interface", DatagramChange::interface, interface);
  }
  void set_broadcast(bool on) override { change("set_broadcast", DatagramChange::broadcast, on ? 1 : 0); }
  void stop_listening() override {
    if (ended_) return;
    send_now();
    dropped_ += queue_.size();
    close();
    add(ports_.ending_, id_, ports_.connections_);
    ports_.agenda_.leave_to_settle(Agenda::Soon::ports);
  }
  std::size_t queued() const override { return queue_.size(); }
  std::uint64_t dropped() const override { return dropped_; }

 private:
  struct Kept {
    std::string bytes;
    Address peer;
    Address asked;
  };

  Backend& backend() const { return *ports_.backend_; }
  bool connected() const { return peer_.family() != Family::unspecified; }
  bool refused(std::error_code error) const { return connected() && error == std::errc::connection_refused; }

  // The protocol stays until the port is taken out, which is not done from inside a call.
  template <class Call>
  void call(Call call_protocol) {
    ports_.calls_.guarded([&] { call_protocol(*protocol_); });
    ports_.connections_.between_callbacks();
  }

  void deliver(std::span<char> bytes, const Address& peer, const Address& asked) {
    with_relief(ports_.connections_, [&] { asked_.note(peer, asked); });
    call([&](DatagramProtocol& protocol) { protocol.datagram_received(bytes, peer); });
  }

  void change(const char* operation, DatagramChange::What what, std::uint32_t value) {
    if (const std::error_code error = change({.what = what, .value = value})) {
      throw SocketError(operation, {}, error);
    }
  }
  void change_group(const char* operation, const DatagramChange& what) {
    if (what.group.family() != family_) {
      throw AddressError(concat(what.group, " is of family ", what.group.family(),
                                ", the socket's family is ", family_,
                                " (a group must be of the socket's own family)"));
    }
    if (const std::error_code error = change(what)) {
      throw SocketError(operation, concat(what.group), error, advice_on_groups(error));
    }
  }
  std::error_code change(const DatagramChange& what) {
    return ended_ ? std::make_error_code(std::errc::bad_file_descriptor) : backend().change(*this, what);
  }

  bool makes_room(std::string_view bytes, const Address& to) {
    if (ended_) return false;
    const Limits& limits = ports_.limits_;
    if (bytes.size() > limits.datagram_bytes) {
      ++dropped_;
      failed("send", to, std::make_error_code(std::errc::message_size));
      return false;
    }
    while (!queue_.empty() && (queue_.size() >= limits.datagram_queue ||
                               queue_.bytes() + bytes.size() > limits.datagram_queue_bytes)) {
      if (!queue_.drop_oldest()) break;
      ++dropped_;
    }
    return true;
  }

  void written() {
    const std::size_t ready = queue_.size() - queue_.held();
    if (!full_ && (ready >= most_at_once || queue_.bytes() >= ports_.limits_.tape_bytes)) {
      send_now();
    } else {
      list();
    }
  }

  void list() {
    if (full_ || unsent_ || queue_.in_batch() || queue_.size() == queue_.held()) return;
    unsent_ = true;
    add(ports_.unsent_, id_, ports_.connections_);
  }

  void send_now() {
    while (!ended_ && !full_ && !queue_.in_batch() && queue_.size() > queue_.held()) {
      const Sent sent = backend().start_send(*this, queue_.begin_batch());
      if (sent.pending) return queue_.advance_batch(sent.count);
      finished(sent.count, sent.error);
    }
  }

  void finished(std::size_t count, std::error_code error) {
    DatagramQueue::Entry* const next = queue_.end_batch(count);
    if (next == nullptr || !error || ended_) return;
    if (error == std::errc::resource_unavailable_try_again || error == std::errc::operation_would_block) {
      return wait_for_room(*next);
    }
    if (next->from.family() != Family::unspecified && is_of_our_address(error)) {
      next->from = {};  // so from where the kernel chooses
      return;
    }
    failed("send", next->to_peer ? peer_ : next->to, error);
    queue_.drop(next);
    ++dropped_;
  }

  // Of a Unix socket that is not connected, nobody tells when its peer has room: others must not wait for
  // that one, and the loop must not spin.
  void wait_for_room(const DatagramQueue::Entry& next) {
    if (family_ != Family::local || next.to_peer) {
      full_ = true;
      return;
    }
    queue_.hold(next);
    if (std::exchange(resting_, true)) return;
    const Time until = later(ports_.clock_.now(), ports_.limits_.datagram_rest);
    with_relief(ports_.connections_, [&] {
      ports_.timers_.add(until, [&ports = ports_, id = id_] {
        if (Port* const port = ports.ports_.find(id)) port->rested();
      });
    });
  }
  void rested() {
    resting_ = false;
    queue_.release();
    list();
  }

  void failed(std::string_view operation, const Address& whom, std::error_code error) {
    if (refused(error)) {
      refused_ = true;
    } else if (errors_.size() < most_at_once) {
      with_relief(ports_.connections_,
                  [&] { errors_.emplace_back(operation, concat(whom), error, advice(error)); });
    }
    if (std::exchange(failing_, true)) return;
    add(ports_.due_.failing, id_, ports_.connections_);
    ports_.agenda_.put_off(Agenda::Due::datagrams);
  }

  DatagramPorts& ports_;
  const EntryId id_;
  Family family_ = Family::unspecified;
  bool ipv6_alone_ = false;
  Address peer_;
  Address host_;  // once it has ended
  DatagramQueue queue_;
  AskedAddresses asked_;
  std::deque<Kept> kept_;
  std::vector<SocketError> errors_;
  bool refused_ = false;
  std::uint64_t dropped_ = 0;
  bool started_ = false;
  bool ended_ = false;
  bool closed_ = false;
  bool paused_ = false;
  bool full_ = false;     // the kernel is: `on_sent` is to come
  bool resting_ = false;  // somebody is held back until a timer
  // In the lists of those who ...
  bool unsent_ = false;
  bool resuming_ = false;
  bool failing_ = false;
  std::unique_ptr<DatagramProtocol> protocol_;  // goes first, and may still ask for the rest
};

DatagramPorts::DatagramPorts(const Limits& limits, const LoopClock& clock, Agenda& agenda, Calls& calls,
                             Timers& timers, Connections& connections)
    : limits_(limits),
      clock_(clock),
      agenda_(agenda),
      calls_(calls),
      timers_(timers),
      connections_(connections) {}
DatagramPorts::~DatagramPorts() = default;

void DatagramPorts::close() {
  for (const EntryId id : ports_.ids()) {
    if (Port& port = *ports_.find(id); !port.ended()) port.close();
  }
}

void DatagramPorts::clear() {
  const Registry<Port> gone = std::exchange(ports_, {});  // a protocol may ask for one as it goes
  leaving_.clear();
}

EntryId DatagramPorts::open(const Address& at, const DatagramOptions& options,
                            const std::optional<Address>& peer, std::unique_ptr<DatagramProtocol> protocol) {
  const EntryId id = ports_.next();
  auto port = std::make_unique<Port>(*this, id);
  port->open(at, options);
  try {
    if (peer) port->connect(*peer);
  } catch (...) {
    // Its storage may go only when the back end has given the socket back.
    port->close();
    keep_until_closed(std::move(port));
    throw;
  }
  port->start(std::move(protocol));
  ports_.add(std::move(port));
  add(starting_, id, connections_);
  agenda_.leave_to_settle(Agenda::Soon::ports);
  return id;
}

DatagramTransport* DatagramPorts::find(EntryId id) const {
  return ports_.find(id);
}

void DatagramPorts::keep_until_closed(std::unique_ptr<Port> port) {
  with_relief(connections_, [&] { leaving_.try_emplace(port.get()); });
  leaving_[port.get()] = std::move(port);
}

template <class Call>
void DatagramPorts::each(const Ids& ids, Call call) {
  for (const EntryId id : ids) {
    if (Port* const port = ports_.find(id)) call(*port);
  }
}

void DatagramPorts::work_off(const Due& due) {
  each(due.resuming, [](Port& port) { port.go_on(); });
  each(due.failing, [](Port& port) { port.tell_errors(); });
}

// The lists are taken first: what is added meanwhile is for the next time.
void DatagramPorts::settle() {
  each(std::exchange(starting_, {}), [](Port& port) { port.tell_start(); });
  each(std::exchange(ending_, {}), [this](Port& port) {
    port.tell_stop();
    std::unique_ptr<Port> ended = ports_.take(port.id());
    if (!port.closed()) keep_until_closed(std::move(ended));
  });
}

void DatagramPorts::flush() {
  each(std::exchange(unsent_, {}), [](Port& port) { port.flush(); });
}

void DatagramPorts::stop_all() {
  for (const EntryId id : ports_.ids()) ports_.find(id)->stop_listening();
}

void DatagramPorts::register_anew() {
  for (const EntryId id : ports_.ids()) {
    if (Port& port = *ports_.find(id); !port.ended()) backend_->register_anew(port);
  }
}

void DatagramPorts::on_datagrams(DatagramSlot& slot, std::span<Received> lent) {
  static_cast<Port&>(slot).on_datagrams(lent);
}
void DatagramPorts::on_sent(DatagramSlot& slot, std::size_t count, std::error_code error) {
  static_cast<Port&>(slot).on_sent(count, error);
}
void DatagramPorts::on_datagram_error(DatagramSlot& slot, std::error_code error) {
  static_cast<Port&>(slot).on_error(error);
}
void DatagramPorts::on_closed(DatagramSlot& slot) {
  if (leaving_.erase(&slot) == 0) static_cast<Port&>(slot).on_closed();
}

}  // namespace parley
