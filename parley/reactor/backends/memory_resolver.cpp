#include <algorithm>
#include <chrono>
#include <iterator>
#include <map>
#include <netdb.h>
#include <utility>

#include "parley/reactor/backends/memory.h"
#include "parley/reactor/backends/memory_world.h"
#include "parley/reactor/reactor.h"
#include "parley/socket/error.h"

namespace parley {

namespace {

// Answers from the network's table of names, as it is when the answer leaves.
class MemoryResolver final : public Resolver {
 public:
  MemoryResolver(Reactor& reactor, memory::World& world) : reactor_(reactor), world_(world) {}
  ~MemoryResolver() override {
    for (auto& [id, asked] : asked_) asked.timer.cancel();
  }
  MemoryResolver(const MemoryResolver&) = delete;
  MemoryResolver& operator=(const MemoryResolver&) = delete;

  Id look_up(const std::string& host, Family family, Answered answered) override {
    const Id id = ++last_id_;
    asked_.emplace(id, Asked{host, family, std::move(answered), {}});
    wait(id);
    return id;
  }

  void cancel(Id id) override {
    const auto found = asked_.extract(id);
    if (found) found.mapped().timer.cancel();
  }

 private:
  struct Asked {
    std::string host;
    Family family;
    Answered answered;
    Timer timer;
  };

  void wait(Id id) {
    asked_.at(id).timer = reactor_.call_later(Duration::zero(), [this, id] {
      if (world_.late()) {
        wait(id);
      } else {
        answer(id);
      }
    });
  }

  // Whoever is told may drop this.
  void answer(Id id) {
    const auto node = asked_.extract(id);
    const Asked& asked = node.mapped();
    asked.answered(found(asked.host, asked.family));
  }

  Answer found(const std::string& host, Family family) const {
    const auto known = world_.names.find(host);
    if (known == world_.names.end()) return std::error_code(EAI_NONAME, resolve_category());
    std::vector<Address> wanted;
    for (const Address& address : known->second) {
      if (address.family() == family) wanted.emplace_back(address.host(), 0);
    }
    if (wanted.empty()) return std::error_code(EAI_NODATA, resolve_category());
    return wanted;
  }

  Reactor& reactor_;
  memory::World& world_;
  std::map<Id, Asked> asked_;
  Id last_id_ = 0;
};

}  // namespace

std::unique_ptr<Resolver> MemoryNetwork::resolver(Reactor& reactor) {
  return std::make_unique<MemoryResolver>(reactor, *world_);
}

}  // namespace parley
