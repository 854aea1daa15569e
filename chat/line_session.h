#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "chat/front_desk.h"
#include "chat/wire/line/telnet.h"
#include "parley/base/slab.h"
#include "parley/line/line_receiver.h"

namespace chat {

class LineService;

// One client of the line chat: makes commands of what it sends. It stands in its service's slab.
class LineSession final : public parley::LineReceiver {
 public:
  LineSession(LineService& service, std::uint32_t place) noexcept;

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

  static constexpr std::uint32_t none = 0xffffffff;

  TelnetFilter telnet_;
  std::uint32_t place_;
  // The index of the session's number: there is room for the whole of it in the front desk's table alone.
  // None before it has connected and after it has left.
  std::uint32_t session_ = none;
  LineService& service_;
};

// The line chat at one listener. It must outlive its sessions, and so the reactor.
class LineService {
 public:
  // `desk` need not be there before the first session.
  LineService(FrontDesk& desk, std::string room, std::uint32_t line_bytes)
      : desk_(desk), room_(std::move(room)), line_bytes_(line_bytes) {}

  std::unique_ptr<parley::Protocol> new_session();

 private:
  friend class LineSession;

  FrontDesk& desk_;
  std::string room_;
  std::uint32_t line_bytes_;
  parley::Slab<LineSession> places_;
  std::string cleaned_;  // of a line that had to be changed, until the next
};

}  // namespace chat
