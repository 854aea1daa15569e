#include "tests/memory/laggards.h"

#include <array>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <unistd.h>

namespace parley {

class Laggards::Client final : public Protocol {
 public:
  explicit Client(Laggards& all) : all_(all) {}
  void connection_made() override {
    all_.group_->add(transport());
    all_.ids_.push_back(transport().id());
  }
  void data_received(std::span<char> data) override {
    if (all_.on_input) all_.on_input(transport(), data);
  }
  void connection_lost(Reason reason) override {
    ++all_.lost_;
    ++all_.reasons_[reason.kind()];
  }

 private:
  Laggards& all_;
};

Laggards::Laggards(const Limits& limits, std::size_t count) {
  reactor_ = std::make_unique<Reactor>(Reactor::automatic,
                                       ReactorSettings{.limits = limits, .clock = &clock_, .log = &quiet_});
  group_ = std::make_unique<Group>(*reactor_);
  path_ = testing::TempDir() + "parley_laggards_" + std::to_string(::getpid());
  std::filesystem::remove(path_);
  ListenSettings settings;
  settings.options.send_buffer = 4096;
  reactor_->listen_unix(Address::local(path_), [this] { return std::make_unique<Client>(*this); }, settings);
  ids_.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    clients_.emplace_back(Family::local);
    clients_.back().connect(Address::local(path_));
    clients_.back().setblocking(false);
    while (ids_.size() <= i) turn();
  }
}

Laggards::~Laggards() {
  group_.reset();
  reactor_.reset();
}

void Laggards::in_turn(const std::function<void()>& call) {
  reactor_->post(call);
  turn();
  turn();
}

std::vector<Transport*> Laggards::transports() {
  std::vector<Transport*> found;
  for (const TransportId id : ids_) {
    if (Transport* const transport = reactor_->find(id)) found.push_back(transport);
  }
  return found;
}

std::size_t Laggards::lost(Reason::Kind kind) const {
  const auto found = reasons_.find(kind);
  return found == reasons_.end() ? 0 : found->second;
}

std::string Laggards::read(std::size_t client) {
  std::string all;
  try {
    while (true) {
      const std::string some = clients_[client].recv(65536);
      if (some.empty()) return all;
      all += some;
    }
  } catch (const SocketError&) {  // no more for now
  }
  return all;
}

std::size_t Laggards::resident() {
  std::ifstream in("/proc/self/statm");
  std::size_t size = 0;
  std::size_t pages = 0;
  in >> size >> pages;
  return pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace parley
