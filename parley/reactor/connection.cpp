#include "parley/reactor/connection.h"

#include <utility>

#include "parley/reactor/loop.h"

namespace parley {

void Connection::write(std::string_view bytes) {
  loop_->write(*this, bytes);
}
void Connection::write(Slice slice) {
  loop_->write(*this, std::move(slice));
}
void Connection::writelines(std::span<const std::string_view> pieces) {
  loop_->write(*this, pieces);
}
void Connection::pause_reading() {
  loop_->pause_reading(*this);
}
void Connection::resume_reading() {
  loop_->resume_reading(*this);
}
void Connection::shutdown_write() {
  loop_->shutdown_write(*this);
}
void Connection::lose_connection() {
  loop_->lose(*this);
}
void Connection::abort_connection() {
  loop_->abort(*this, Reason(Reason::Kind::aborted), true);
}
void Connection::register_producer(Producer& producer, Production how) {
  loop_->register_producer(*this, producer, how);
}
void Connection::unregister_producer() {
  loop_->unregister_producer(*this);
}
std::size_t Connection::queued() const {
  return loop_->queued(*this);
}
Address Connection::host() const {
  return loop_->host(*this);
}

}  // namespace parley
