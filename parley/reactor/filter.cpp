#include "parley/reactor/filter.h"

#include <stdexcept>
#include <utility>

#include "parley/reactor/loop/filters.h"

namespace parley {

Filter::Filter() : below_(std::make_unique<Outbox>()) {}
Filter::~Filter() = default;

void Filter::carry(std::unique_ptr<Protocol> carried) {
  if (carried == nullptr) throw std::logic_error("carry: nothing was given");
  if (Filter* const next = above()) {
    next->carry(std::move(carried));
  } else {
    if (application_ != nullptr) throw std::logic_error("carry: it has an application already");
    application_ = std::move(carried);
  }
}

void Filter::begin() {
  begun_ = true;
  transport().flush_soon();  // what was written before waits for it
  static_cast<Protocol&>(*this).connection_made();
}

void Filter::tell_made() {
  if (std::exchange(lets_begin_, true)) return;
  const bool lived = std::exchange(application_made_, true);
  if (Filter* const next = above()) {
    if (!next->begun_) next->begin();
  } else if (!lived) {
    transport().application_made();
    application_->connection_made();
  }
}

// Not in the header: whoever calls protocols would be made to guess that each is a filter.
void Filter::data_received(std::span<char> lent) {
  application_->data_received(lent);
}

void Filter::pause_writing() {
  if (!application_made_) return;
  application_pauses_ = true;
  application_->pause_writing();
}

void Filter::resume_writing() {
  if (std::exchange(application_pauses_, false)) application_->resume_writing();
}

void Filter::connection_lost(Reason reason) {
  if (application_made_) application_->connection_lost(reason);
}

void Filter::want_flush() {
  wants_flush_ = true;
  transport().flush_soon();
}

void Filter::pause_input() {
  if (std::exchange(pauses_input_, true)) return;
  transport().hold_input(true);
}

void Filter::resume_input() {
  if (std::exchange(pauses_input_, false)) transport().hold_input(false);
}

void Filter::fail(std::error_code error) {
  transport().fail(error);
}

void Filter::fail_in_order(std::error_code error, std::string detail) {
  transport().fail_in_order(error, std::move(detail));
}

Wrap layers(Wrap lower, Wrap upper) {
  return
      [lower = std::move(lower), upper = std::move(upper)](const Address& peer) -> std::unique_ptr<Filter> {
        std::unique_ptr<Filter> below = lower(peer);
        std::unique_ptr<Filter> above = below == nullptr ? nullptr : upper(peer);
        if (above == nullptr) return nullptr;
        below->carry(std::move(above));
        return below;
      };
}

std::unique_ptr<Protocol> detail::wrapped(const Wrap& wrap, const Address& peer,
                                          std::unique_ptr<Protocol> protocol) {
  if (!wrap || protocol == nullptr) return protocol;
  std::unique_ptr<Filter> filter = wrap(peer);
  if (filter != nullptr) filter->carry(std::move(protocol));
  return filter;
}

}  // namespace parley
