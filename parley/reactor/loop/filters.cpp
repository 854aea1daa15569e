#include "parley/reactor/loop/filters.h"

#include <algorithm>
#include <stdexcept>
#include <utility>
#include <vector>

#include "parley/socket/error.h"

namespace parley {

namespace {

// Stands for an application that has closed its connection.
class Deaf final : public Protocol {
 public:
  explicit Deaf(std::unique_ptr<Protocol>& application) : application_(std::move(application)) {}

  void connection_made() override { application_->connection_made(); }
  void data_received(std::span<char> /*lent*/) override {}
  bool eof_received() override { return true; }
  void pause_writing() override { application_->pause_writing(); }
  void resume_writing() override { application_->resume_writing(); }
  void connection_lost(Reason reason) override { application_->connection_lost(reason); }

 private:
  std::unique_ptr<Protocol> application_;
};

}  // namespace

// What waits above, as a filter sees it.

struct Filter::Output::Way {
  Outbox& from;
  Outbox& to;
  Tape& scratch;
  BacklogStore& store;
  std::size_t window;
  std::vector<std::string_view> pieces{};
  std::size_t taken = 0;
  const FilePart* file = nullptr;  // what comes first, where that is one
  bool file_failed = false;
  std::span<char> room{};  // what is left of it
  bool deferred = false;
};

Filter::Output::Output(Way& way) : way_(way) {
  way.file = way.from.first_file();
  size_ = way.file != nullptr ? std::min(way.window, way.file->count) : way.from.show(way.window, way.pieces);
  pieces_ = way.pieces;
}

Filter::Output::~Output() {
  close_room();
}

std::span<const std::string_view> Filter::Output::pieces() {
  if (pieces_.empty() && size_ != 0) read_file();
  return pieces_;
}

void Filter::Output::read_file() {
  char* const into = way_.scratch.reserve(size_);
  way_.file_failed = true;
  if (way_.file->file.read({into, size_}, way_.file->offset) < size_) {
    throw SocketError("send_file", {}, FileFailure::shorter);
  }
  way_.file_failed = false;
  way_.scratch.take(size_);
  way_.pieces.assign(1, {into, size_});
  pieces_ = way_.pieces;
}

void Filter::Output::advance(std::size_t count) {
  size_ -= count;
  way_.taken += count;
  if (pieces_.empty()) return;  // of a file that was not read
  while (count != 0) {
    const std::size_t some = std::min(count, pieces_.front().size());
    pieces_.front().remove_prefix(some);
    count -= some;
    if (pieces_.front().empty()) pieces_ = pieces_.subspan(1);
  }
}

void Filter::Output::pass(std::size_t count) {
  count = std::min(count, size_);
  way_.from.move_to(way_.to, count, way_.scratch, way_.store);
  advance(count);
}

void Filter::Output::drop(std::size_t count) {
  count = std::min(count, size_);
  way_.from.consume(count, way_.store);
  advance(count);
}

// It is taken at once, so that nothing else is put there meanwhile; what was not used goes back if nothing
// stands behind it.
std::span<char> Filter::Output::room(std::size_t most) {
  close_room();
  char* const begin = way_.scratch.reserve(most);
  way_.scratch.take(most);
  return way_.room = {begin, most};
}

void Filter::Output::close_room() {
  const std::span<char> room = std::exchange(way_.room, {});
  if (room.data() + room.size() == way_.scratch.next()) way_.scratch.take_back(room.size());
}

void Filter::Output::put(std::size_t count) {
  if (count > way_.room.size()) throw std::logic_error("put: there is no room for so many bytes");
  if (count != 0) way_.to.append({way_.room.data(), count});
  way_.room = way_.room.subspan(count);
}

void Filter::Output::put(std::string_view bytes) {
  if (!bytes.empty()) way_.to.append(way_.scratch.append(bytes));
}

void Filter::Output::defer() {
  way_.deferred = true;
}

// All of a connection's filters.

Outbox& Filters::above(const Filter& filter) const {
  const Filter* const next = filter.above();
  return next == nullptr ? application_ : *next->below_;
}

bool Filters::flush(std::size_t window, bool ends, Tape& scratch, BacklogStore& store) const {
  return flush(lowest_, window, ends, scratch, store);
}

// Those above first: what they pass is above this one. Not while it has left much of that.
bool Filters::flush(Filter& filter, std::size_t window, bool ends, Tape& scratch, BacklogStore& store) const {
  Filter* const next = filter.above();
  const bool full = next != nullptr && next->below_->size() >= window;
  bool again = next != nullptr && !full && flush(*next, window, ends, scratch, store);
  if (!filter.begun_ || filter.transport().gone()) return false;
  if (filter.finished_) return again;
  const bool above_finished = next == nullptr ? ends : next->finished_;
  Outbox& from = above(filter);
  const bool wanted = !from.empty() || filter.wants_flush_;
  if (!wanted && !above_finished) return again;
  Filter::Output::Way way{from, *filter.below_, scratch, store, window};
  Filter::Output output(way);
  filter.wants_flush_ = false;
  filter.defers_ = false;
  try {
    if (wanted) filter.flush(output);
  } catch (const SocketError& error) {
    if (!way.file_failed) throw;
    filter.fail(error.code());  // as where no filter reads the file
    return false;
  }
  if (filter.transport().gone()) return false;
  filter.defers_ = way.deferred;
  again = again || (way.taken != 0 && (full || !from.empty()));
  if (above_finished && from.empty()) filter.finished_ = filter.finish(output);
  return again;
}

bool Filters::finished() const {
  const Filter* filter = &lowest_;
  while (filter != nullptr && filter->finished_) filter = filter->above();
  return filter == nullptr;
}

template <class Function>
void Filters::each_outbox(Function function) const {
  for (const Filter* filter = &lowest_; filter != nullptr; filter = filter->above()) function(above(*filter));
}

bool Filters::empty() const {
  bool all = wire().empty();
  each_outbox([&](const Outbox& outbox) { all = all && outbox.empty(); });
  return all;
}

std::size_t Filters::size() const {
  std::size_t sum = wire().size();
  each_outbox([&](const Outbox& outbox) { sum += outbox.size(); });
  return sum;
}

std::size_t Filters::behind() const {
  std::size_t sum = wire().behind();
  each_outbox([&](const Outbox& outbox) { sum += outbox.behind(); });
  return sum;
}

std::size_t Filters::held() const {
  std::size_t sum = wire().held();
  each_outbox([&](const Outbox& outbox) { sum += outbox.held(); });
  return sum;
}

std::size_t Filters::to_keep() const {
  std::size_t sum = wire().to_keep();
  each_outbox([&](const Outbox& outbox) { sum += outbox.to_keep(); });
  return sum;
}

void Filters::keep_above_wire(BacklogStore& store) const {
  each_outbox([&](Outbox& outbox) { outbox.keep(store); });
}

void Filters::clear_above_wire(BacklogStore& store) const {
  each_outbox([&](Outbox& outbox) { outbox.clear(store); });
}

bool Filters::nothing_below() const {
  const Filter* filter = &lowest_;
  while (filter != nullptr && filter->below_->empty()) filter = filter->above();
  return filter == nullptr;
}

bool Filters::deferred() const {
  const Filter* filter = &lowest_;
  while (filter != nullptr && (!filter->defers_ || above(*filter).empty())) filter = filter->above();
  return filter != nullptr;
}

bool Filters::hold_back() const {
  const Filter* filter = &lowest_;
  while (filter != nullptr && (filter->defers_ || above(*filter).empty())) filter = filter->above();
  return filter != nullptr;
}

void Filters::begin(Protocol& protocol) {
  if (Filter* const filter = protocol.as_filter()) return filter->begin();
  protocol.connection_made();
}

Filter* Filters::to_begin() const {
  if (!lowest_.begun_) return &lowest_;
  for (const Filter* filter = &lowest_; Filter* const next = filter->above(); filter = next) {
    if (!next->begun_) return filter->lets_begin_ ? next : nullptr;
  }
  return nullptr;
}

Filter& Filters::insert(std::unique_ptr<Protocol>& place, std::unique_ptr<Filter> filter, Outbox& outbox,
                        Transport& transport, bool made, bool pauses) {
  Filter& inserted = *filter;
  const Filters all(inserted, outbox);
  Filter& highest = all.highest();
  inserted.below_->swap(outbox);
  highest.application_ = std::move(place);
  attach(inserted, transport);
  for (Filter* next = &inserted; next != nullptr; next = next->above()) {
    next->application_made_ = made;
    next->application_pauses_ = pauses;
  }
  place = std::move(filter);
  return inserted;
}

Filter& Filters::highest() const {
  Filter* highest = &lowest_;
  while (Filter* const next = highest->above()) highest = next;
  return *highest;
}

void Filters::deafen() const {
  std::unique_ptr<Protocol>& place = application_place();
  if (dynamic_cast<const Deaf*>(place.get()) == nullptr) place = std::make_unique<Deaf>(place);
}

bool Filters::pause_input() const {
  const Filter* filter = &lowest_;
  while (filter != nullptr && !filter->pauses_input_) filter = filter->above();
  return filter != nullptr;
}

}  // namespace parley
