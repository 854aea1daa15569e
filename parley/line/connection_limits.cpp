#include "parley/line/connection_limits.h"

#include <utility>

#include "parley/reactor/filter.h"

namespace parley {

namespace {

// Something that is counted as long as it lives: a filter, which goes with its connection, however that ends.
template <class Uncount>
class Counted final : public Filter {
 public:
  Counted(std::unique_ptr<Protocol> application, Uncount uncount)
      : Filter(std::move(application)), uncount_(std::move(uncount)) {}
  ~Counted() override { uncount_(); }

 private:
  Uncount uncount_;
};

template <class Uncount>
std::unique_ptr<Protocol> counted(std::unique_ptr<Protocol> application, Uncount uncount) {
  return std::make_unique<Counted<Uncount>>(std::move(application), std::move(uncount));
}

}  // namespace

LimitTotalConnectionsFactory::LimitTotalConnectionsFactory(std::shared_ptr<Factory> inner, std::size_t most)
    : WrappingFactory(std::move(inner)), most_(most), count_(std::make_shared<std::size_t>(0)) {}

std::unique_ptr<Protocol> LimitTotalConnectionsFactory::build_protocol(const Address& peer) {
  return *count_ >= most_ ? nullptr : WrappingFactory::build_protocol(peer);
}

std::unique_ptr<Protocol> LimitTotalConnectionsFactory::wrap(std::unique_ptr<Protocol> made,
                                                             const Address& /*peer*/) {
  // Counted once nothing can throw any more. The connection may outlive the factory, and shares the count.
  auto wrapped = counted(std::move(made), [count = count_] { --*count; });
  ++*count_;
  return wrapped;
}

LimitConnectionsByPeer::LimitConnectionsByPeer(std::shared_ptr<Factory> inner, std::size_t most)
    : LimitConnectionsByPeer(std::move(inner), PeerLimitSettings{.connections = most}) {
  nobody_ = most == 0;
}

LimitConnectionsByPeer::LimitConnectionsByPeer(std::shared_ptr<Factory> inner, PeerLimitSettings settings,
                                               const Clock& clock)
    : WrappingFactory(std::move(inner)),
      limits_(std::make_shared<PeerLimits>(std::move(settings))),
      clock_(clock),
      nobody_(false) {}

std::unique_ptr<Protocol> LimitConnectionsByPeer::build_protocol(const Address& peer) {
  if (nobody_ || limits_->judge(peer, clock_.now()) != PeerLimits::Verdict::welcome) return nullptr;
  return WrappingFactory::build_protocol(peer);
}

std::unique_ptr<Protocol> LimitConnectionsByPeer::wrap(std::unique_ptr<Protocol> made, const Address& peer) {
  // Counted before the filter is there, which counts down, since counting may throw.
  limits_->enter(peer, clock_.now());
  try {
    return counted(std::move(made), [limits = limits_, peer] { limits->leave(peer); });
  } catch (...) {
    limits_->leave(peer);
    throw;
  }
}

}  // namespace parley
