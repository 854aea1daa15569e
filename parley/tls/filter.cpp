#include "parley/tls/filter.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <exception>
#include <stdexcept>
#include <utility>

#include "parley/base/print.h"
#include "parley/tls/context_state.h"
#include "parley/tls/engine.h"
#include "parley/tls/handshake_queue.h"

namespace parley::tls {

struct Filter::Queued {
  std::shared_ptr<HandshakeQueue> queue;
  HandshakeQueue::Place place;
};

// A flush as a place for records. What it throws does not pass through OpenSSL.
class Filter::ToOutput final : public Engine::Sink {
 public:
  explicit ToOutput(Output& output) : output_(output) {}

  bool put(std::string_view bytes) noexcept override {
    try {
      output_.put(bytes);
      return true;
    } catch (...) {
      thrown_ = std::current_exception();
      return false;
    }
  }
  void rethrow() const {
    if (thrown_) std::rethrow_exception(thrown_);
  }

 private:
  Output& output_;
  std::exception_ptr thrown_;
};

Filter::Filter(const Context& context) : context_(ContextState::shared(context)) {
  if (context_->role() != Role::server) {
    throw std::logic_error("tls::Filter: a client's context needs the name of the server");
  }
}

Filter::Filter(const Context& context, std::shared_ptr<HandshakeQueue> queue) : Filter(context) {
  queued_ = std::make_unique<Queued>(Queued{std::move(queue), HandshakeQueue::Place(*this)});
}

Filter::Filter(const Context& context, std::string_view server_hostname)
    : context_(ContextState::shared(context)), server_hostname_(checked_host(server_hostname)) {
  if (context_->role() != Role::client) {
    throw std::logic_error("tls::Filter: a server's context reaches for nobody");
  }
}

Filter::~Filter() {
  leave_queue();
}

Details Filter::details() const {
  return engine_ == nullptr ? Details() : details_of(*engine_);
}

void Filter::connection_made() {
  if (context_->role() == Role::server) return;  // the client begins
  engine_ = std::make_unique<Engine>(context_, std::move(server_hostname_));
  take_in({});
}

void Filter::data_received(std::span<char> lent) {
  if (failed_ || ended_) return;
  if (!may_begin()) {
    held_.append(lent.data(), lent.size());
    return pause_input();
  }
  if (closes()) return;  // nobody looks at it any more
  if (held_.empty()) return take_in(lent);
  held_.append(lent.data(), lent.size());
  take_in(std::exchange(held_, {}));
}

// Nothing comes to a filter while its input is not wanted, unless its connection closes.
bool Filter::closes() const {
  return engine_ != nullptr && !engine_->is_shaking() && !transport().reading();
}

void Filter::reading_resumed() {
  parley::Filter::reading_resumed();
  if (failed_ || ended_ || (queued_ != nullptr && queued_->place.waits)) return;
  if (!held_.empty() || (engine_ != nullptr && engine_->holds_input())) take_in(std::exchange(held_, {}));
}

bool Filter::may_begin() {
  return queued_ == nullptr || queued_->queue->enter(queued_->place);
}

void Filter::leave_queue() {
  if (const std::unique_ptr<Queued> queued = std::move(queued_)) queued->queue->leave(queued->place);
}

void Filter::take_in(std::span<const char> came) {
  if (engine_ == nullptr) engine_ = std::make_unique<Engine>(context_, std::string());
  engine_->feed(came);
  read_on();
  if (!engine_->pending().empty()) want_flush();
  const std::span<const char> rest = engine_->input();
  if (!failed_ && !ended_) held_.assign(rest.data(), rest.size());
  engine_->feed({});
}

// Small records are handed on together.
void Filter::read_on() {
  if (engine_->is_shaking() && !shake()) return;
  std::array<char, Engine::record_size> plaintext;
  while (engine_->holds_input() && transport().reading()) {
    std::size_t size = 0;
    auto outcome = Engine::Outcome::done;
    while (outcome == Engine::Outcome::done && size < plaintext.size() && engine_->holds_input()) {
      std::size_t read = 0;
      outcome = engine_->read(std::span(plaintext).subspan(size), read);
      size += read;
    }
    if (size != 0) parley::Filter::data_received({plaintext.data(), size});
    if (outcome == Engine::Outcome::needs_input) return;
    if (outcome == Engine::Outcome::failed) return broken();
    if (outcome == Engine::Outcome::ended) return input_ended();
  }
}

// True: it is done.
bool Filter::shake() {
  switch (engine_->handshake()) {
    case Engine::Outcome::needs_input:
      return false;
    case Engine::Outcome::done:
      break;
    default:
      broken();
      return false;
  }
  leave_queue();
  handshake_done();
  want_flush();  // what waits above
  tell_made();
  return true;
}

void Filter::input_ended() {
  ended_ = true;
  stays_ = application().eof_received();
  if (!stays_) transport().lose_connection();
}

// The alert leaves with the next flush.
void Filter::broken() {
  failed_ = true;
  const bool shaking = engine_->is_shaking();
  leave_queue();
  want_flush();
  fail_in_order(engine_->error(), engine_->detail());
  if (!shaking) return;
  const auto error = detail::error("TLS handshake", concat(peer()), engine_->error(), engine_->detail());
  handshake_failed(*error);
  if (context_->handshake_failed) context_->handshake_failed(*error);
}

bool Filter::eof_received() {
  if (ended_) return stays_;
  if (failed_ || closes()) return true;
  if (engine_ == nullptr) return false;  // it has never said anything
  engine_->fail(make_error_code(engine_->is_shaking() ? Failure::closed_in_handshake : Failure::truncated));
  broken();
  return true;
}

void Filter::connection_lost(Reason reason) {
  leave_queue();
  parley::Filter::connection_lost(reason);
}

void Filter::flush(Output& output) {
  if (engine_ == nullptr) return;
  if (!engine_->pending().empty()) {
    output.put(engine_->pending());
    engine_->clear_pending();
  }
  if (failed_) return output.drop(output.size());
  if (engine_->is_shaking()) return;
  ToOutput records(output);
  std::array<char, Engine::record_size> gathered;
  while (output.size() != 0) {
    const std::span<const std::string_view> pieces = output.pieces();
    std::string_view next = pieces.front();
    if (next.size() >= gathered.size()) {
      next = next.substr(0, next.size() - next.size() % gathered.size());
    } else if (pieces.size() > 1) {
      std::size_t size = 0;
      for (std::size_t i = 0; i < pieces.size() && size < gathered.size(); ++i) {
        const std::size_t count = std::min(pieces[i].size(), gathered.size() - size);
        std::memcpy(gathered.data() + size, pieces[i].data(), count);
        size += count;
      }
      next = {gathered.data(), size};
    }
    if (engine_->write(next, &records) != Engine::Outcome::done) {
      records.rethrow();
      return broken();
    }
    output.drop(next.size());
  }
}

bool Filter::finish(Output& output) {
  if (engine_ == nullptr || failed_) return true;
  ToOutput records(output);
  engine_->end(&records);
  records.rethrow();
  return true;
}

const Filter* find(const Transport& transport) {
  const parley::Filter* filter = transport.lowest_filter();
  while (filter != nullptr) {
    if (const auto* const found = dynamic_cast<const Filter*>(filter)) return found;
    filter = filter->above();
  }
  return nullptr;
}

}  // namespace parley::tls
