#pragma once

#include <algorithm>
#include <functional>
#include <gtest/gtest.h>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "parley/reactor/filter.h"
#include "tests/conformance/conformance.h"

namespace parley::conformance {

// A filter whose every step a test can write.
class Scripted final : public Filter {
 public:
  struct Script {
    std::function<void(Scripted&)> made{};
    std::function<void(Scripted&, std::span<char>)> received{};
    std::function<void(Scripted&, Output&)> flush{};
    std::function<bool(Scripted&, Output&)> finish{};
    std::function<void(const Reason&)> lost{};
  };

  explicit Scripted(Script script) : script_(std::move(script)) {}

  void connection_made() override {
    script_.made && !off_stage ? script_.made(*this) : Filter::connection_made();
  }
  void data_received(std::span<char> lent) override {
    script_.received && !off_stage ? script_.received(*this, lent) : Filter::data_received(lent);
  }
  void flush(Output& output) override {
    script_.flush && !off_stage ? script_.flush(*this, output) : Filter::flush(output);
  }
  bool finish(Output& output) override {
    return !script_.finish || off_stage || script_.finish(*this, output);
  }
  void connection_lost(Reason reason) override {
    if (script_.lost && !off_stage) script_.lost(reason);
    Filter::connection_lost(reason);
  }
  // From now on they follow no script: what it refers to is gone.
  static inline bool off_stage = false;
  using Filter::application;
  using Filter::fail;
  using Filter::pause_input;
  using Filter::resume_input;
  using Filter::tell_made;
  using Filter::transport;
  using Filter::want_flush;

 private:
  Script script_;
};

// Each byte one further: what must be undone by the same at the other end.
inline void shift(Filter::Output& output, int by) {
  while (output.size() > 0) {
    const std::string_view piece = output.pieces().front();
    const std::span<char> room = output.room(piece.size());
    std::transform(piece.begin(), piece.end(), room.begin(),
                   [by](char c) { return static_cast<char>(c + by); });
    output.put(piece.size());
    output.drop(piece.size());
  }
}

inline std::string shifted(std::string text, int by) {
  for (char& c : text) c = static_cast<char>(c + by);
  return text;
}

// Connections under filters that a test writes.
class Filtering : public Conformance {
 protected:
  void TearDown() override {
    Scripted::off_stage = true;
    Conformance::TearDown();
    Scripted::off_stage = false;
  }

  // A connection under such a filter, or several.
  Client join_under(Wrap wrap, Script script = {}, bool narrow = false) {
    Story& story = new_story();
    const auto make = [&story, script] { return std::make_unique<Actor>(story, script); };
    const ListeningPort at = reactor().listen_tcp({"127.0.0.1", 0}, make, {.wrap = std::move(wrap)});
    return {outside().connect(at.host(), narrow), &story};
  }
  Wrap scripted(const Scripted::Script& script) {
    return [script](const Address&) { return std::make_unique<Scripted>(script); };
  }
  // By itself it hands everything on.
  static Wrap plain() {
    return [](const Address&) { return std::make_unique<Filter>(); };
  }
  bool made(const Client& client) {
    return until([&] { return client.story->made(); });
  }
  // Until the kernel takes no more of it.
  void fill(const Client& client, std::string& all) {
    for (int i = 0; i < 4000 && client.wire().queued() == 0; ++i) {
      const std::string more = text_of(16000, std::to_string(i) + ':');
      all += more;
      client.wire().write(more);
      settle();
    }
    ASSERT_GT(client.wire().queued(), 0U);
  }

  Scripted::Script shifting_{.received =
                                 [](Scripted& self, std::span<char> lent) {
                                   for (char& c : lent) c = static_cast<char>(c - 1);
                                   self.application().data_received(lent);
                                 },
                             .flush = [](Scripted&, Filter::Output& output) { shift(output, 1); }};
};
}  // namespace parley::conformance
