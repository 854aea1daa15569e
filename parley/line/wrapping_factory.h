#pragma once

#include <cassert>
#include <memory>
#include <string_view>
#include <utility>

#include "parley/reactor/protocol.h"

namespace parley {

// A factory around another one: what a policy is made of. It refuses whom the inner one refuses, and starts
// and stops it.
class WrappingFactory : public Factory {
 public:
  explicit WrappingFactory(std::shared_ptr<Factory> inner) : inner_(std::move(inner)) {
    assert(inner_ != nullptr);
  }

  std::unique_ptr<Protocol> build_protocol(const Address& peer) override {
    std::unique_ptr<Protocol> made = inner_->build_protocol(peer);
    return made == nullptr ? nullptr : wrap(std::move(made), peer);
  }
  std::string_view refusal() const override { return inner_->refusal(); }
  void start_factory() override { inner_->start(); }
  void stop_factory() override { inner_->stop(); }

 protected:
  // Usually a Filter that owns what was made.
  virtual std::unique_ptr<Protocol> wrap(std::unique_ptr<Protocol> made, const Address& peer) = 0;

 private:
  std::shared_ptr<Factory> inner_;
};

}  // namespace parley
