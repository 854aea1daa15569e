#include "parley/reactor/string_transport.h"

#include <algorithm>
#include <cassert>
#include <stdexcept>
#include <utility>
#include <vector>

#include "parley/reactor/backend.h"
#include "parley/reactor/loop/filters.h"

namespace parley {

namespace {

// Stands for a protocol that belongs to somebody else, above a filter, which owns what it carries.
class Borrowed final : public Protocol {
 public:
  explicit Borrowed(Protocol& protocol) : protocol_(protocol) {}

  void connection_made() override { protocol_.connection_made(); }
  void data_received(std::span<char> lent) override { protocol_.data_received(lent); }
  bool eof_received() override { return protocol_.eof_received(); }
  void reading_resumed() override { protocol_.reading_resumed(); }
  void pause_writing() override { protocol_.pause_writing(); }
  void resume_writing() override { protocol_.resume_writing(); }
  void connection_lost(Reason reason) override { protocol_.connection_lost(reason); }

 private:
  Protocol& protocol_;
};

constexpr std::size_t filter_window = 64 * 1024;

}  // namespace

struct StringTransport::Filtering {
  explicit Filtering(Filter& filter) : lowest(filter) {}
  Filters filters() { return {lowest, application}; }

  Filter& lowest;
  Outbox application;
  std::unique_ptr<Protocol> owned{};  // one that was inserted, where there was none before
  Filter* inserted = nullptr;         // one that was inserted, and was not told of it yet
  bool begun = false;                 // it is the filter below that begins it
  std::string rest{};
  BacklogStore store{};
  Tape scratch{};
};

StringTransport::StringTransport(Address peer) : peer_(std::move(peer)) {}
StringTransport::~StringTransport() = default;

void StringTransport::connect(Protocol& protocol) {
  assert(protocol_ == nullptr && !closing_);
  protocol_ = &protocol;
  if (Filter* const filter = Filters::attach(protocol, *this))
    filtering_ = std::make_unique<Filtering>(*filter);
  made_ = filtering_ == nullptr;
  Filters::begin(protocol);
  flush();
}

void StringTransport::insert(std::unique_ptr<Filter> filter, std::string_view rest) {
  if (filter == nullptr) throw std::invalid_argument("insert: no filter was given");
  if (closing_ || protocol_ == nullptr) return;
  if (flushing_) {
    throw std::logic_error("insert: a filter cannot be put there while the others are being flushed");
  }
  if (Filters::carries_application(*filter)) {
    throw std::logic_error("insert: the filter has an application already");
  }
  if (write_ended_) throw std::logic_error("insert: our direction has ended, and a filter could say nothing");
  if (filtering_ == nullptr) {
    filtering_ = std::make_unique<Filtering>(*filter);
    filtering_->owned = std::make_unique<Borrowed>(*protocol_);
    protocol_ = filter.get();
    filtering_->inserted =
        &Filters::insert(filtering_->owned, std::move(filter), filtering_->application, *this, made_, false);
  } else if (filtering_->inserted == nullptr) {
    std::unique_ptr<Protocol>& place = filtering_->filters().application_place();
    filtering_->inserted =
        &Filters::insert(place, std::move(filter), filtering_->application, *this, made_, false);
  } else {
    throw std::logic_error("insert: another filter is being put there, and was not told of it yet");
  }
  filtering_->begun = !made_;  // it is told with the others
  filtering_->rest = rest;
  resuming_ = true;
}

// One that was inserted comes first.
void StringTransport::begin_inserted() {
  if (filtering_ == nullptr || filtering_->inserted == nullptr) return;
  Protocol& inserted = *std::exchange(filtering_->inserted, nullptr);
  std::string rest = std::move(filtering_->rest);
  if (!filtering_->begun) Filters::begin(inserted);
  if (!rest.empty()) inserted.data_received(rest);
}

// As the loop does at the end of a turn.
void StringTransport::flush() {
  if (filtering_ == nullptr || protocol_ == nullptr) return;
  const Filters filters = filtering_->filters();
  bool again = true;
  while (again && !gone()) {
    flushing_ = true;
    try {
      again = filters.flush(filter_window, write_ended_ || closing_, filtering_->scratch, filtering_->store);
    } catch (...) {
      flushing_ = false;
      throw;
    }
    flushing_ = false;
    if (gone()) break;  // with it goes what was to leave
    std::vector<std::string_view> pieces;
    filters.wire().show(filters.wire().size(), pieces);
    for (const std::string_view piece : pieces) written_ += piece;
    filters.wire().clear(filtering_->store);
  }
  filters.keep_above_wire(filtering_->store);
  filtering_->scratch.rewind();
}

bool StringTransport::filters_finished() const {
  return filtering_ == nullptr || filtering_->filters().finished();
}

std::size_t StringTransport::queued() const {
  return filtering_ == nullptr ? 0 : filtering_->filters().size();
}

void StringTransport::hold_input(bool held) {
  if (held) {
    withheld_ = true;
  } else if (!filtering_->filters().pause_input()) {
    withheld_ = false;
    resuming_ = true;
  }
}

const Filter* StringTransport::lowest_filter() const {
  return filtering_ == nullptr ? nullptr : &filtering_->lowest;
}

void StringTransport::fail(std::error_code error) {
  closing_ = Reason::Kind::failed;
  failure_ = error;
}

void StringTransport::fail_in_order(std::error_code error, std::string /*detail*/) {
  if (!failure_) failure_ = error;
  leaving_.reset();
  closing_ = closing_.value_or(Reason::Kind::closed);
}

void StringTransport::receive(std::string_view bytes) {
  assert(!end_waits_ && !peer_ended_);
  waiting_ += bytes;
  deliver();
  flush();
}

void StringTransport::receive_end() {
  end_waits_ = true;
  deliver();
  flush();
}

void StringTransport::lose(Reason reason) {
  closing_ = reason.kind();
  if (Producer* const producer = std::exchange(producer_, nullptr)) producer->stop_producing();
  if (Protocol* const protocol = std::exchange(protocol_, nullptr)) protocol->connection_lost(reason);
  filtering_.reset();
}

void StringTransport::turn() {
  if (std::exchange(resuming_, false) && protocol_ != nullptr && reading()) {
    begin_inserted();
    if (reading()) protocol_->reading_resumed();
  }
  deliver();
  if (producer_ != nullptr && pulled_ && !closing_) producer_->resume_producing();
  flush();
  if (protocol_ != nullptr && closing_ && closing())
    lose(Reason(failure_ ? Reason::Kind::failed : *closing_, failure_));
}

void StringTransport::deliver() {
  if (!waiting_.empty()) {
    if (protocol_ == nullptr || !reading()) return;
    // A block of its own, spoilt afterwards: who keeps lent bytes is found out.
    std::vector<char> lent(waiting_.begin(), waiting_.end());
    waiting_.clear();
    protocol_->data_received(lent);
    std::fill(lent.begin(), lent.end(), '\xdd');
  }
  if (!end_waits_ || protocol_ == nullptr || closing_) return;
  end_waits_ = false;
  peer_ended_ = true;
  const bool stays = protocol_->eof_received();
  if (!closing_ && (!stays || write_ended_)) close(Reason::Kind::done);
}

void StringTransport::write(std::string_view bytes) {
  if (closing_ || write_ended_) return;
  if (filtering_ == nullptr) {
    written_ += bytes;
  } else if (!bytes.empty()) {
    filtering_->application.append_text({&bytes, 1}, 0, filtering_->store);
  }
}

void StringTransport::write(Slice slice) {
  write(slice.view());
}

void StringTransport::writelines(std::span<const std::string_view> pieces) {
  for (const std::string_view piece : pieces) write(piece);
}

void StringTransport::send_file(OpenFile file, std::uint64_t offset, std::uint64_t count) {
  if (!file) throw std::invalid_argument("send_file: no file was given");
  if (closing_ || write_ended_) return;
  std::string bytes(static_cast<std::size_t>(count), '\0');
  const std::size_t got = file.read(bytes, offset);
  write(std::string_view(bytes).substr(0, got));
  if (got < count) fail(FileFailure::shorter);
}

void StringTransport::pause_reading() {
  paused_ = true;
}

void StringTransport::resume_reading() {
  if (std::exchange(paused_, false)) resuming_ = true;
}

void StringTransport::shutdown_write() {
  write_ended_ = true;
  if (peer_ended_ && !closing_) closing_ = Reason::Kind::done;
}

void StringTransport::lose_connection() {
  if (!closing_ && !leaving_) close(Reason::Kind::closed);
}

void StringTransport::close(Reason::Kind why) {
  // As a connection does, it waits for its producer.
  (producer_ != nullptr ? leaving_ : closing_) = why;
}

void StringTransport::set_option(StreamOption what, bool on) {
  (what == StreamOption::no_delay ? no_delay_ : keep_alive_) = on;
}

bool StringTransport::option(StreamOption what) const {
  return what == StreamOption::no_delay ? no_delay_ : keep_alive_;
}

void StringTransport::register_producer(Producer& producer, Production how) {
  if (producer_ != nullptr) {
    throw std::logic_error("register_producer: the transport has a producer already");
  }
  producer_ = &producer;
  pulled_ = how == Production::pulled;
}

void StringTransport::unregister_producer() {
  producer_ = nullptr;
  if (leaving_ && !closing_) closing_ = leaving_;
}

void StringTransport::abort_connection() {
  closing_ = Reason::Kind::aborted;
}

}  // namespace parley
