#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "parley/reactor/backend.h"
#include "parley/socket/bound_path.h"
#include "parley/socket/descriptors.h"
#include "parley/socket/poller.h"

namespace parley {

// The back end of kernels that tell when a descriptor is ready: over select, poll or epoll. Input is read
// into the one buffer that the loop has, output is sent from where it stands, so that no connection
// needs memory here but its channel.
class ReadinessBackend final : public Backend {
 public:
  ReadinessBackend(const BackendSetting& setting, PollerKind poller);
  ~ReadinessBackend() override;

  void open(Channel& channel, int descriptor) override;
  void discard(int descriptor) noexcept override;
  void set_reading(Channel& channel, bool on) override;
  Written start_write(Channel& channel, std::span<const std::string_view> pieces) override;
  bool takes_at_once() const override { return true; }
  void shutdown_write(Channel& channel) override;
  void close(Channel& channel, bool reset) override;
  void detach(Channel& channel) override;
  Address host(const Channel& channel) const override;

  Result<Address> listen(Door& door, const Address& address, const ListenOptions& options) override;
  Result<Address> adopt_door(Door& door, int descriptor) override;
  void set_accepting(Door& door, bool on) override;
  bool refuse(Door& door, std::string_view words) override;
  void unlisten(Door& door) override;

  void watch(Watch& watch, int descriptor, Interest wanted) override;
  void rewatch(Watch& watch, Interest wanted) override;
  void unwatch(Watch& watch) override;

  void gate() override;
  void turn(std::optional<Time> deadline) override;
  void wake() noexcept override { wakeup_.signal(); }

 private:
  struct Failure {
    Channel* channel;
    std::error_code error;
  };
  struct LocalPath {
    int descriptor;
    BoundPath path;
  };

  void change(Channel& channel);
  void settle_changes();
  void tell_failures();
  bool tell_closed();
  void forget(std::uint64_t key);
  void dispatch(const Ready& event);
  void serve(Channel& channel, Interest ready);
  void receive(Channel& channel);
  void accept(Door& door);
  void no_more_from(const Door& door);
  bool next_can_be_polled(const Door& door) const;
  void rest(Door& door, std::error_code error);

  Upcalls& up_;
  const Limits& limits_;
  const Clock& clock_;
  const PollerKind kind_;
  std::unique_ptr<Poller> poller_;
  Wakeup wakeup_;
  ReserveDescriptor reserve_;
  std::unique_ptr<char[]> buffer_;  // where everybody's input is read into
  std::vector<Ready> batch_;        // what the last wait told; a turn's limit may leave some for the next
  std::size_t next_ = 0;
  std::size_t taken_in_ = 0;         // bytes, in this turn
  const Door* accepting_ = nullptr;  // the one that is being accepted from, unless it shall not be
  std::vector<Channel*> changed_;    // whose interest the poller does not know yet
  std::vector<Channel*> closed_;     // to be told so
  std::vector<Channel*> detached_;
  std::vector<Failure> failures_;  // of writes
  std::vector<LocalPath> local_paths_;
};

}  // namespace parley
