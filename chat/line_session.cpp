#include "chat/line_session.h"

#include "chat/wire/line/clean.h"
#include "chat/wire/line/encode.h"
#include "parley/base/print.h"

namespace chat {

// An idle client is to fit in 256 bytes altogether; this is the session's share.
static_assert(sizeof(LineSession) <= 56);

std::unique_ptr<parley::Protocol> LineService::new_session() {
  const auto [memory, place] = places_.allocate();
  return std::unique_ptr<parley::Protocol>(::new (memory) LineSession(*this, place));
}

LineSession::LineSession(LineService& service, std::uint32_t place) noexcept
    : LineReceiver({.max_length = service.line_bytes_}), place_(place), service_(service) {}

// Destroying, because the session knows its place in the slab and does not any more once it is destroyed.
void LineSession::operator delete(LineSession* session, std::destroying_delete_t) {
  LineService& service = session->service_;
  const std::uint32_t place = session->place_;
  session->~LineSession();
  service.places_.release(place);
}

void LineSession::connection_made() {
  parley::TextWriter name;
  print(name, peer());
  session_ = service_.desk_.open(transport().id()).index;
  service_.desk_.submit(Connect{session(), name.text(), service_.room_});
}

void LineSession::data_received(std::span<char> lent) {
  // Before lines are cut, for a negotiation may contain line ends.
  parley::TextWriter answers;
  const std::span<char> data = telnet_.strip(lent, answers);
  if (const std::string_view refusals = answers.text(); !refusals.empty()) transport().write(refusals);
  if (!data.empty()) LineReceiver::data_received(data);
}

void LineSession::line_received(std::string_view line) {
  service_.desk_.submit(Say{session(), clean(line, service_.cleaned_)});
}

void LineSession::line_length_exceeded(std::string_view /*line*/) {
  parley::TextWriter refusal;
  print(refusal, LineTooLong{service_.line_bytes_});
  transport().write(refusal.text());
  skip_line();
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
    log.write(parley::Level::warn, parley::format(peer(), " did not keep up and was disconnected: ", reason));
  } else if (reason.kind() == Kind::failed) {
    log.write(parley::Level::info, parley::format(peer(), " was disconnected: ", reason));
  }
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
