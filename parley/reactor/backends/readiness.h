#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "parley/reactor/backend.h"
#include "parley/reactor/backends/readiness_datagrams.h"
#include "parley/socket/bound_path.h"
#include "parley/socket/descriptors.h"
#include "parley/socket/poller.h"

namespace parley {

// The back end of kernels that tell when a descriptor is ready: over select, poll or epoll. Input is read
// into the one buffer that the loop has, output is sent from where it stands, so that no connection
// needs memory here but its slot.
class ReadinessBackend final : public Backend {
 public:
  ReadinessBackend(const BackendSetting& setting, PollerKind poller);
  ~ReadinessBackend() override;

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
  int fileno(const Slot& slot) const override { return slot.handle.native; }

  Result<Address> listen(ListenerSlot& slot, const Address& address, const ListenOptions& options) override;
  Result<Address> adopt(ListenerSlot& slot, Handle handle, const ListenOptions& options) override;
  void set_accepting(ListenerSlot& slot, bool on) override;
  bool refuse(ListenerSlot& slot, std::string_view words) override;
  void unlisten(ListenerSlot& slot) override;

  Result<Address> bind(DatagramSlot& slot, const Address& at, const DatagramOptions& options) override {
    return datagrams_.bind(slot, at, options);
  }
  std::error_code connect(DatagramSlot& slot, const Address& peer) override {
    return datagrams_.connect(slot, peer);
  }
  std::error_code change(DatagramSlot& slot, const DatagramChange& what) override {
    return datagrams_.change(slot, what);
  }
  void set_receiving(DatagramSlot& slot, bool on) override { datagrams_.set_receiving(slot, on); }
  Sent start_send(DatagramSlot& slot, std::span<const Outgoing> batch) override {
    return datagrams_.start_send(slot, batch);
  }
  void close(DatagramSlot& slot) override;
  Address host(const DatagramSlot& slot) const override { return datagrams_.host(slot); }

  void watch(WatchSlot& slot, Handle handle, Interest wanted) override;
  void rewatch(WatchSlot& slot, Interest wanted) override;
  void unwatch(WatchSlot& slot) override;

  void submit() override {
    if (noted_) submit_noted();
  }
  void turn(std::optional<Time> deadline) override;
  void wake() noexcept override { wakeup_.signal(); }
  void renew() override;
  void register_anew(StreamSlot& slot) override;
  void register_anew(ListenerSlot& slot) override;
  void register_anew(DatagramSlot& slot) override { datagrams_.register_anew(slot); }
  void register_anew(WatchSlot& slot) override;

 private:
  struct Failure {
    StreamSlot* slot;
    std::error_code error;
  };
  struct LocalPath {
    int descriptor;
    BoundPath path;
  };

  struct Taken {
    std::size_t bytes = 0;
    bool all = false;
  };

  Taken send(StreamSlot& slot, std::span<const std::string_view> pieces);
  static std::ptrdiff_t send_several(const StreamSlot& slot, std::span<const std::string_view> pieces,
                                     std::size_t& count, std::size_t& wanted);
  Written start_writing(StreamSlot& slot, std::span<const std::string_view> pieces);
  [[gnu::cold]] Written not_whole(StreamSlot& slot, std::ptrdiff_t sent);
  void wait_for_room(StreamSlot& slot);
  bool note_unsent(StreamSlot& slot, int error);
  void change(StreamSlot& slot);
  void fail(StreamSlot& slot, std::error_code error);
  BoundPath take_path(int descriptor);
  void submit_noted();
  bool tell_noted();
  bool settle_changes();
  bool tell_failures();
  bool tell_connected();
  bool tell_closed() { return (!closed_.empty() || !detached_.empty()) && tell_what_is_closed(); }
  bool tell_what_is_closed();
  void forget(std::uint64_t key);
  void dispatch(const Ready& event);
  void serve(StreamSlot& slot, Interest ready);
  void finish_connecting(StreamSlot& slot);
  inline void receive(StreamSlot& slot);
  void receive_nothing(StreamSlot& slot, int error);
  void accept(ListenerSlot& slot);
  void no_more_from(const ListenerSlot& slot);
  bool next_can_be_polled(const ListenerSlot& slot) const;
  void rest(ListenerSlot& slot, std::error_code error);

  Upcalls& up_;
  const Limits& limits_;
  const Clock& clock_;
  const PollerKind kind_;
  std::uint32_t forks_;
  std::unique_ptr<Poller> poller_;
  ReadinessDatagrams datagrams_;
  Wakeup wakeup_;
  ReserveDescriptor reserve_;
  const std::size_t buffer_bytes_;
  std::size_t input_bytes_ = buffer_bytes_;  // how much of it is read at once
  std::unique_ptr<char[]> buffer_;           // where everybody's input is read into
  std::span<Ready> batch_;  // what the last wait told; a turn's limit may leave some for the next
  std::size_t next_ = 0;
  bool telling_ = false;  // an upcall is going on, or what is to be told is being gone through
  std::size_t room_ = 0;  // bytes that may still be received in this turn
  bool noted_ = false;    // something stands in one of the lists below
  const ListenerSlot* accepting_ = nullptr;  // the one that is being accepted from, unless it shall not be
  std::vector<StreamSlot*> changed_;         // whose interest the poller does not know yet
  std::vector<StreamSlot*> closed_;          // to be told so
  std::vector<StreamSlot*> detached_;
  std::vector<StreamSlot*> closing_;    // those of them that are being told
  std::vector<StreamSlot*> connected_;  // at once; to be told so
  std::vector<Failure> failures_;       // that no event of the poller told
  std::vector<LocalPath> local_paths_;
};

}  // namespace parley
