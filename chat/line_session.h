#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "chat/front_desk.h"
#include "chat/wire/line/telnet.h"
#include "parley/base/clock.h"
#include "parley/base/slab.h"
#include "parley/line/line_receiver.h"
#include "parley/line/message_limit.h"
#include "parley/line/peer_limits.h"
#include "parley/reactor/filter.h"
#include "parley/reactor/reactor.h"

namespace chat {

class LineService;

// One client of the line chat: makes commands of what it sends. It stands in its service's slab.
class LineSession final : public parley::LineReceiver {
 public:
  explicit LineSession(LineService& service) noexcept;

  // Gives the place in the slab back.
  static void operator delete(LineSession* session, std::destroying_delete_t);

 private:
  void connection_made() override;
  void data_received(std::span<char> lent) override;
  void line_received(std::string_view line) override;
  void line_length_exceeded(std::string_view line) override;
  bool eof_received() override;
  void connection_lost(parley::Reason reason) override;

  SessionId session() const;
  void leave();
  void heard();
  void look_later();
  void look();

  static constexpr std::uint32_t none = 0xffffffff;

  TelnetFilter telnet_;
  bool counted_ : 1 = false;    // in the service's PeerLimits
  bool exempt_ : 1 = false;     // from the message limit
  std::uint8_t quiet_ : 6 = 0;  // eighths of the idle timeout that have passed since the last line
  parley::MessageLimit limit_;
  // The index of the session's number: there is room for the whole of it in the front desk's table alone.
  // None before it has connected and after it has left.
  std::uint32_t session_ = none;
  LineService& service_;
};

// What holds for each client of the line chat.
struct LineChat {
  std::uint32_t line_bytes = 4096;  // of one line, its end not counted
  // Lines of one client; who sends more waits. Clients who are exempt from the PeerLimits are from this, too.
  parley::MessageRate rate{};
  // Who says no line for so long, or an eighth longer, is told and disconnected; 0: nobody.
  parley::Duration idle_timeout{0};
};

// The line chat at one listener: makes the sessions. It must outlive them, and so the reactor.
class LineService final : public parley::Factory {
 public:
  // `desk` and `reactor` need not be there before the first session. Unix clients, who are of this machine,
  // are exempt from `peers`, which may be several services'.
  LineService(FrontDesk& desk, parley::Reactor& reactor, parley::PeerLimits& peers, std::string room,
              const LineChat& settings)
      : desk_(desk), reactor_(reactor), peers_(peers), room_(std::move(room)), settings_(settings) {}

  // Null where the peer has too many connections.
  std::unique_ptr<parley::Protocol> build_protocol(const parley::Address& peer) override;
  std::string_view refusal() const override;

  // What the listener is to put under each session: what `handshake` makes, and below that something that
  // counts the connection from its beginning. A session by itself is counted when it begins, which is when
  // its handshake is over: who never ends one could have any number.
  parley::Wrap counted(parley::Wrap handshake);

 private:
  friend class LineSession;

  bool exempt(const parley::Address& peer) const;
  void log_refusal(const parley::Address& peer, parley::PeerLimits::Verdict why);

  FrontDesk& desk_;
  parley::Reactor& reactor_;
  parley::PeerLimits& peers_;
  std::string room_;
  LineChat settings_;
  bool counts_handshakes_ = false;
  parley::Slab<LineSession> places_;
  std::string cleaned_;  // of a line that had to be changed, until the next
  std::optional<parley::Time> refusals_logged_;
  std::uint64_t refused_ = 0;  // in all
};

}  // namespace chat
