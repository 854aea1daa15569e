#include "chat/line_session.h"

#include <chrono>
#include <utility>

#include "chat/wire/line/clean.h"
#include "chat/wire/line/encode.h"
#include "parley/base/print.h"
#include "parley/tls/error.h"

namespace chat {

// An idle client is to fit in 256 bytes altogether; this is the session's share.
static_assert(sizeof(LineSession) <= 56);

namespace {

// How often the idle timeout is looked after in its time: a byte for each client tells how long it was quiet.
constexpr std::uint8_t looks = 8;

// How often it is said that connections are refused, however many are.
constexpr parley::Duration refusal_log_interval = std::chrono::seconds(10);

// One connection of a peer, as long as it lives.
class Counted final : public parley::Filter {
 public:
  Counted(parley::PeerLimits& peers, const parley::Address& peer, parley::Time now)
      : peers_(peers), counted_(peer) {
    peers_.enter(peer, now);
  }
  ~Counted() override { peers_.leave(counted_); }

 private:
  parley::PeerLimits& peers_;
  const parley::Address counted_;
};

}  // namespace

std::unique_ptr<parley::Protocol> LineService::build_protocol(const parley::Address& peer) {
  using Verdict = parley::PeerLimits::Verdict;
  const bool local = peer.family() == parley::Family::local;
  const Verdict verdict = local ? Verdict::welcome : peers_.judge(peer, reactor_.now());
  if (verdict != Verdict::welcome) {
    log_refusal(peer, verdict);
    return nullptr;
  }
  return std::unique_ptr<parley::Protocol>(::new (places_.allocate().first) LineSession(*this));
}

std::string_view LineService::refusal() const {
  return "Too many connections from your address, try again later\r\n";
}

parley::Wrap LineService::counted(parley::Wrap handshake) {
  counts_handshakes_ = true;
  return [this, handshake = std::move(handshake)](const parley::Address& peer) {
    std::unique_ptr<parley::Filter> filter = handshake(peer);
    if (filter == nullptr || exempt(peer)) return filter;
    std::unique_ptr<parley::Filter> counted = std::make_unique<Counted>(peers_, peer, reactor_.now());
    counted->carry(std::move(filter));
    return counted;
  };
}

bool LineService::exempt(const parley::Address& peer) const {
  return peer.family() == parley::Family::local || peers_.exempt(peer);
}

void LineService::log_refusal(const parley::Address& peer, parley::PeerLimits::Verdict why) {
  ++refused_;
  const parley::Time now = reactor_.now();
  if (refusals_logged_ && now < *refusals_logged_ + refusal_log_interval) return;
  refusals_logged_ = now;
  const bool often = why == parley::PeerLimits::Verdict::too_often;
  desk_.log().write(
      parley::Level::warn,
      parley::concat("refused ", peer, ": ", often ? "new connections come too often" : "it has ",
                     often ? "" : parley::concat(peers_.connections(peer), " connections"), " (", refused_,
                     " refused so far; said at most every 10 s)"));
}

LineSession::LineSession(LineService& service) noexcept
    : LineReceiver({.max_length = service.settings_.line_bytes}), service_(service) {}

// Destroying, because the session stands in its service's slab, and does not know it any more once it is
// destroyed.
void LineSession::operator delete(LineSession* session, std::destroying_delete_t) {
  LineService& service = session->service_;
  const std::uint32_t place = service.places_.index_of(*session);
  session->~LineSession();
  service.places_.release(place);
}

void LineSession::connection_made() {
  const parley::Address address = peer();
  exempt_ = service_.exempt(address);
  if (!exempt_ && !service_.counts_handshakes_) {
    service_.peers_.enter(address, service_.reactor_.now());
    counted_ = true;
  }
  parley::TextWriter name;
  print(name, address);
  session_ = service_.desk_.open(transport().id()).index;
  service_.desk_.submit(Connect{session(), name.text(), service_.room_});
  if (service_.settings_.idle_timeout > parley::Duration::zero()) look_later();
}

void LineSession::data_received(std::span<char> lent) {
  // Before lines are cut, for a negotiation may contain line ends.
  parley::TextWriter answers;
  const std::span<char> data = telnet_.strip(lent, answers);
  if (!answers.text().empty()) transport().write(answers.text());
  if (!data.empty()) LineReceiver::data_received(data);
}

void LineSession::line_received(std::string_view line) {
  heard();
  service_.desk_.submit(Say{session(), clean(line, service_.cleaned_)});
}

void LineSession::line_length_exceeded(std::string_view /*line*/) {
  heard();
  parley::TextWriter refusal;
  print(refusal, LineTooLong{service_.settings_.line_bytes});
  transport().write(refusal.text());
  skip_line();
}

// A line has come. Who floods waits from here on: the next line comes when it may.
void LineSession::heard() {
  quiet_ = 0;
  if (!exempt_) limit_.count(service_.reactor_, transport(), service_.settings_.rate);
}

// No timer is kept: where there is one, the connection's name tells whether the session is there.
void LineSession::look_later() {
  service_.reactor_.call_later(service_.settings_.idle_timeout / looks,
                               [this, &reactor = service_.reactor_, id = transport().id()] {
                                 if (reactor.find(id) != nullptr) look();
                               });
}

void LineSession::look() {
  if (++quiet_ <= looks) return look_later();
  parley::TextWriter farewell;
  print(farewell, SilentTooLong{});
  transport().write(farewell.text());
  transport().lose_connection();
}

bool LineSession::eof_received() {
  const bool lines_wait = LineReceiver::eof_received();
  // Whoever says nothing more has left, even if it is still to take what it was sent.
  if (!lines_wait) leave();
  return lines_wait;
}

void LineSession::connection_lost(parley::Reason reason) {
  using Kind = parley::Reason::Kind;
  parley::Log& log = service_.desk_.log();
  if (reason.kind() == Kind::behind || reason.kind() == Kind::overload) {
    log.write(parley::Level::warn, parley::concat(peer(), " did not keep up and was disconnected: ", reason));
  } else if (reason.kind() == Kind::failed) {
    // Most programs leave without close_notify: what they meant to say was in lines.
    const bool cut = reason.error() == parley::tls::Failure::truncated;
    log.write(cut ? parley::Level::debug : parley::Level::info,
              parley::concat(peer(), " was disconnected: ", reason));
  }
  if (counted_) service_.peers_.leave(peer());
  leave();
}

SessionId LineSession::session() const {
  return session_ == none ? SessionId() : service_.desk_.session_at(session_);
}

// Comes twice where the input has ended before the connection did.
void LineSession::leave() {
  if (session_ == none) return;
  service_.desk_.close(session());
  session_ = none;
}

}  // namespace chat
