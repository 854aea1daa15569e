#pragma once

// Private to parley/tls: what a TlsSocket is.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "parley/socket/layer.h"
#include "parley/tls/details.h"
#include "parley/tls/engine.h"

namespace parley::tls {

// TLS between a Socket's calls and the kernel.
//
// One thread may receive while another sends, and OpenSSL's object is for one at a time: `mutex_` guards the
// engine and all that stands below it. It is never held while the kernel is waited for. So:
// - what came is received into memory of the call's own, and then read under the lock;
// - what is to go is encrypted into `outgoing_` under the lock, taken from there, and sent without it.
//   Meanwhile `sending_` says so, and whoever makes more (an answer to a key update, by the one who receives)
//   leaves it to the one who sends, so that no bytes overtake others. Where nobody sends, the receiver gives
//   the kernel what it takes at once, and leaves the rest to the next to send: receiving never waits for
//   sending.
class SocketTls final : public SocketLayer {
 public:
  SocketTls(std::shared_ptr<ContextState> context, std::string server_hostname);

  std::size_t receive(const Call& call, std::span<char> memory) override;
  std::size_t send(const Call& call, std::string_view data) override;
  void shutdown(const Call& call, Shutdown how) override;
  std::optional<std::string> last_words() noexcept override;

  void handshake(const Call& call);
  void unwrap(const Call& call);
  bool wants_write() const;
  std::size_t pending() const;
  Details details() const;

 private:
  class ToOutgoing;

  bool is_shaking() const;
  // All that is to go, in order. The lock is not held.
  void send_outgoing(const Call& call);
  // As far as it goes at once. The lock is held.
  void send_some(const Call& call) noexcept;
  void take_pending();
  // Has the engine read what is held, or `came`, and keeps the rest. The lock is held.
  template <class Read>
  Engine::Outcome with_input(std::span<const char> came, Read read);
  void say_end();
  [[noreturn]] void fail(const Call& call);

  mutable std::mutex mutex_;
  Engine engine_;
  std::string held_;  // what came and was not read yet, from `held_at_` on
  std::size_t held_at_ = 0;
  std::string outgoing_;  // records that are to be sent, in order
  std::string repeated_;  // what a send that failed had encrypted: it may come again
  bool sending_ = false;
  bool said_end_ = false;
  bool reading_ended_ = false;  // by `shutdown`
  bool wants_write_ = false;
  bool told_failure_ = false;
  std::uint32_t forks_;  // before which it was made
};

}  // namespace parley::tls
