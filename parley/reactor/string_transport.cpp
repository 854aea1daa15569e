#include "parley/reactor/string_transport.h"

#include <algorithm>
#include <cassert>
#include <stdexcept>
#include <utility>
#include <vector>

namespace parley {

void StringTransport::connect(Protocol& protocol) {
  assert(protocol_ == nullptr && !closing_);
  protocol_ = &protocol;
  protocol.transport_ = this;
  protocol.connection_made();
}

void StringTransport::receive(std::string_view bytes) {
  assert(!end_waits_ && !peer_ended_);
  waiting_ += bytes;
  deliver();
}

void StringTransport::receive_end() {
  end_waits_ = true;
  deliver();
}

void StringTransport::lose(Reason reason) {
  closing_ = reason.kind();
  if (Producer* const producer = std::exchange(producer_, nullptr)) producer->stop_producing();
  if (Protocol* const protocol = std::exchange(protocol_, nullptr)) protocol->connection_lost(reason);
}

void StringTransport::turn() {
  if (std::exchange(resuming_, false) && protocol_ != nullptr && reading()) protocol_->reading_resumed();
  deliver();
  if (producer_ != nullptr && pulled_ && !closing_) producer_->resume_producing();
  if (protocol_ != nullptr && closing_) lose(Reason(*closing_));
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
  if (!closing_ && !write_ended_) written_ += bytes;
}

void StringTransport::write(Slice slice) {
  write(slice.view());
}

void StringTransport::writelines(std::span<const std::string_view> pieces) {
  for (const std::string_view piece : pieces) write(piece);
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
