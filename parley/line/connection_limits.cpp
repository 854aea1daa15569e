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

CompactAddress without_port(const Address& peer) {
  CompactAddress key = peer.compact();
  key.port = 0;
  if (key.family == Family::local) key.scope = 0;  // its number
  return key;
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
    : WrappingFactory(std::move(inner)), most_(most), counts_(std::make_shared<Counts>()) {}

std::unique_ptr<Protocol> LimitConnectionsByPeer::build_protocol(const Address& peer) {
  return connections(peer) >= most_ ? nullptr : WrappingFactory::build_protocol(peer);
}

std::size_t LimitConnectionsByPeer::connections(const Address& peer) const {
  const auto found = counts_->find(without_port(peer));
  return found == counts_->end() ? 0 : found->second;
}

std::unique_ptr<Protocol> LimitConnectionsByPeer::wrap(std::unique_ptr<Protocol> made, const Address& peer) {
  const CompactAddress key = without_port(peer);
  std::size_t& count = (*counts_)[key];
  auto wrapped = counted(std::move(made), [counts = counts_, key] {
    const auto found = counts->find(key);
    if (--found->second == 0) counts->erase(found);
  });
  ++count;
  return wrapped;
}

}  // namespace parley
