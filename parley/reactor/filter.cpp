#include "parley/reactor/filter.h"

#include <cassert>

#include "parley/reactor/loop/connection.h"

namespace parley {

Filter::Filter(std::unique_ptr<Protocol> application) : application_(std::move(application)) {
  assert(application_ != nullptr);
}

void Filter::connection_made() {
  join();
  application_->connection_made();
}

// The application may be asked for before it has been told that its connection is made.
Transport& Filter::topmost() {
  join();
  return application_->topmost();
}

void Filter::join() {
  id_ = below().id();
  application_->transport_ = this;
  // A group must write to the highest filter from now on, and not into the outbox.
  if (auto* const connection = dynamic_cast<Connection*>(&below())) connection->bond.set(Bond::filtered);
}

}  // namespace parley
