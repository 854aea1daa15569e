// Rule 8: every callback may do anything to anybody, and the loop holds: nothing is called from inside a
// call, connection_lost comes once and last, and whoever was not cut off received all that was written for
// it.

#include <algorithm>
#include <cstdint>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "parley/base/slice.h"
#include "parley/reactor/group.h"
#include "tests/conformance/conformance.h"

namespace parley::conformance {
namespace {

using namespace std::chrono_literals;

class Storm : public Conformance {
 protected:
  // What a client ought to receive.
  struct Model {
    Client client;
    std::string sent{};
    bool shut = false;  // nothing that is written any more arrives
    bool cut = false;   // and what was may not either
    bool over = false;  // its peer has ended
  };

  std::size_t below(std::size_t bound) {
    return std::uniform_int_distribution<std::size_t>(0, bound - 1)(random_);
  }

  Transport* alive(const Model& model) { return reactor().find(model.client.story->id); }

  // Never grows while callbacks run: they hold references.
  void blow(std::uint64_t seed) {
    random_.seed(seed);
    models_.clear();
    timers_.clear();
    words_ = 0;
    calls_ = 0;
    group_ = std::make_unique<Group>(reactor());
    constexpr std::size_t clients = 14;
    models_.reserve(clients);
    for (std::size_t i = 0; i < clients; ++i) models_.push_back({join(script(i), i % 3 == 0)});
    for (int round = 0; round < 120; ++round) {
      move_a_peer();
      reactor().post([this] { act(nullptr); });
      outside().clock().advance(Duration(below(4'000'000)));
      turn();
    }
    calm_down();
  }

  Script script(std::size_t index) {
    const auto act_for = [this, index](Actor&) { act(&models_[index]); };
    return {.received = [this, index](Actor&, std::string_view) { act(&models_[index]); },
            .ended =
                [this, index](Actor&) {
                  const bool stays = below(2) == 0;
                  act(&models_[index]);
                  if (!stays) models_[index].shut = true;
                  return stays;
                },
            .resumed = act_for,
            .pause_writing = act_for,
            .resume_writing = act_for,
            .lost =
                [this, index](Actor&, const Reason&) {
                  models_[index].shut = true;
                  act(nullptr);
                }};
  }

  std::string words() { return "<" + std::to_string(++words_) + ":" + std::string(below(300), 'w') + ">"; }

  void write(Model& model) {
    Transport* const wire = alive(model);
    if (wire == nullptr) return;
    const std::string text = words();
    switch (below(3)) {
      case 0:
        wire->write(text);
        break;
      case 1:
        wire->write(Slice(text));
        break;
      default: {
        const std::string_view pieces[] = {std::string_view(text).substr(0, 2),
                                           std::string_view(text).substr(2)};
        wire->writelines(pieces);
      }
    }
    if (!model.shut) model.sent += text;
  }

  void broadcast(const Model* omitted) {
    const std::string text = words();
    if (omitted != nullptr) {
      group_->broadcast(omit(omitted->client.story->id), text);
    } else {
      group_->broadcast(text);
    }
    for (const std::size_t member : members_) {
      if (!models_[member].shut && &models_[member] != omitted) models_[member].sent += text;
    }
  }

  // Some of everything. `self`: whose callback this is.
  void act(Model* self) {
    if (group_ == nullptr) return;  // a call that was posted last: the storm is over
    ++calls_;
    for (std::size_t left = below(4); left > 0; --left) {
      const std::size_t index = below(models_.size());
      Model& other = models_[index];
      if (!other.client.story->made()) continue;
      Transport* const wire = alive(other);
      switch (below(24)) {
        case 0:
        case 1:
        case 2:
        case 3:
        case 4:
          write(other);
          break;
        case 5:
        case 6:
        case 7:
          broadcast(below(2) == 0 ? self : nullptr);
          break;
        case 8:
        case 9:
          if (wire != nullptr) wire->pause_reading();
          break;
        case 10:
        case 11:
        case 12:
        case 13:
          if (wire != nullptr) wire->resume_reading();
          break;
        case 14:
        case 15:
          if (wire != nullptr && !other.shut && std::count(members_.begin(), members_.end(), index) == 0) {
            group_->add(*wire);
            members_.push_back(index);
          }
          break;
        case 16:
          group_->remove(other.client.story->id);
          if (const auto found = std::find(members_.begin(), members_.end(), index);
              found != members_.end()) {
            members_.erase(found);
          }
          break;
        case 17:
          group_ = std::make_unique<Group>(reactor());
          members_.clear();
          break;
        case 18:
          timers_.push_back(reactor().call_later(Duration(below(3'000'000)), [this] { act(nullptr); }));
          break;
        case 19:
          if (!timers_.empty()) timers_[below(timers_.size())].cancel();
          if (!timers_.empty()) timers_[below(timers_.size())].delay(1ms);
          break;
        case 20:
          if (calls_ < 3000) reactor().post([this] { act(nullptr); });
          break;
        default:
          if (below(8) == 0) end(self, other, wire);
      }
    }
  }

  void end(Model* self, Model& other, Transport* wire) {
    switch (below(4)) {
      case 0:
        if (wire != nullptr) wire->shutdown_write();
        other.shut = true;
        break;
      case 1:
        if (wire != nullptr) wire->abort_connection();
        other.shut = other.cut = true;
        break;
      case 2:
        if (self != nullptr) {
          self->shut = self->cut = true;
          throw std::runtime_error("in a storm");
        }
        break;
      default:
        if (wire != nullptr) wire->lose_connection();
        other.shut = true;
    }
  }

  void move_a_peer() {
    for (int i = 0; i < 4; ++i) {
      Model& model = models_[below(models_.size())];
      switch (below(40)) {
        case 0:
          model.client.peer->reset();
          model.cut = true;
          break;
        case 1:
          if (!model.over) model.client.peer->close();
          model.over = true;
          break;
        case 2:
        case 3:
          model.client.peer->window(below(5000));
          break;
        case 4:
        case 5:
        case 6:
          model.client.peer->window(Peer::everything);
          break;
        default:
          if (!model.over) model.client.peer->send(text_of(1 + below(700)));
      }
    }
  }

  void calm_down() {
    for (Model& model : models_) model.client.peer->window(Peer::everything);
    reactor().post([this] {
      for (Model& model : models_) {
        if (Transport* const wire = alive(model)) wire->lose_connection();
        model.shut = true;
      }
    });
    EXPECT_TRUE(until([&] {
      return std::all_of(models_.begin(), models_.end(), [](const Model& model) {
        return model.client.story->lost() && (model.client.peer->ended() || model.client.peer->was_reset());
      });
    }));
    for (Model& model : models_) {
      if (!model.over) model.client.peer->close();
    }
    EXPECT_TRUE(until([&] { return counts_.open == 0; }));
    EXPECT_EQ(reactor().connections(), 0U);
    for (const Model& model : models_) {
      const Story& story = *model.client.story;
      EXPECT_EQ(story.told.back(), "lost");
      EXPECT_TRUE(story.destroyed);
      const std::string& received = model.client.peer->received();
      if (model.cut) {
        EXPECT_TRUE(model.sent.starts_with(received));
      } else {
        EXPECT_SAME(received, model.sent);
        EXPECT_TRUE(story.reason->kind() == Reason::Kind::closed ||
                    story.reason->kind() == Reason::Kind::done)
            << concat(*story.reason);
      }
    }
    group_.reset();
    members_.clear();
  }

  std::mt19937_64 random_;
  std::vector<Model> models_;
  std::unique_ptr<Group> group_;
  std::vector<std::size_t> members_;
  std::vector<Timer> timers_;
  std::size_t words_ = 0;
  std::size_t calls_ = 0;
};
PARLEY_CONFORMANCE(Storm);
PARLEY_CONFORMANCE_UNDER_FILTERS(Storm);

TEST_P(Storm, Rule8_EveryCallbackMayDoAnything) {
  for (std::uint64_t seed = 1; seed <= 16 && !HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    Limits limits;
    limits.high_water = 4000;
    limits.low_water = 1000;
    start(limits, seed % 4 == 0 ? 2ms : 0ms);
    blow(seed);
    finish();
  }
}

// Each callback in turn ends everybody, itself included, in each of the ways.
TEST_P(Storm, Rule8_EveryCallbackMayEndEverybody) {
  const std::string block = text_of(16000);
  const std::string_view callbacks[] = {"made",          "received",       "ended", "resumed",
                                        "pause_writing", "resume_writing", "lost"};
  for (const std::string_view callback : callbacks) {
    for (int way = 0; way < 3; ++way) {
      SCOPED_TRACE(std::string(callback) + ", " + std::to_string(way));
      Limits limits;
      limits.high_water = 100;
      limits.low_water = 50;
      start(limits);
      std::vector<Client> clients;
      Story* hero = nullptr;
      const auto end = [&](std::string_view here) {
        if (here != callback) return;
        const auto one = [&](Transport& wire) {
          wire.write("good-bye");
          if (way == 0) wire.lose_connection();
          if (way == 1) wire.abort_connection();
          if (way == 2) {
            wire.lose_connection();
            wire.abort_connection();
            wire.lose_connection();
            wire.resume_reading();
          }
        };
        for (const Client& client : clients) {
          if (Transport* const wire = reactor().find(client.story->id)) one(*wire);
        }
        if (hero->actor != nullptr) one(hero->actor->wire());
      };
      for (int i = 0; i < 3; ++i) clients.push_back(join());
      Client client = come({.made =
                                [&](Actor& actor) {
                                  hero = &actor.story();
                                  end("made");
                                },
                            .received = [&](Actor&, std::string_view) { end("received"); },
                            .ended =
                                [&](Actor&) {
                                  end("ended");
                                  return true;
                                },
                            .resumed = [&](Actor&) { end("resumed"); },
                            .pause_writing = [&](Actor&) { end("pause_writing"); },
                            .resume_writing = [&](Actor&) { end("resume_writing"); },
                            .lost = [&](Actor&, const Reason&) { end("lost"); }},
                           true);
      ASSERT_TRUE(until([&] { return client.story->made(); }));
      const auto mine = [&](auto what) {
        if (Transport* const wire = reactor().find(client.story->id)) what(*wire);
      };
      mine([](Transport& wire) { wire.pause_reading(); });
      mine([](Transport& wire) { wire.resume_reading(); });
      settle();
      client.peer->window(0);
      // Past the marks, also where the kernel takes megabytes.
      for (int i = 0; i < 2000 && client.story->times("pause_writing") == 0 && !client.story->lost(); ++i) {
        mine([&](Transport& wire) { wire.write(std::string_view(block)); });
        settle();
      }
      client.peer->window(Peer::everything);
      settle();
      client.peer->send("something");
      settle();
      client.peer->close();
      settle();
      mine([](Transport& wire) { wire.lose_connection(); });
      ASSERT_TRUE(until([&] { return client.story->lost(); }));
      EXPECT_EQ(client.story->times(callback), 1U);
      ASSERT_TRUE(until([&] {
        return std::all_of(clients.begin(), clients.end(),
                           [](const Client& other) { return other.story->lost(); });
      }));
      finish();
    }
  }
}

TEST_P(Storm, Rule8_AListenerMayStopInsideItsOwnFactory) {
  int made = 0;
  ListeningPort second;
  Story* const story = &new_story();
  second = reactor().listen_tcp({"127.0.0.1", 0}, [&]() -> std::unique_ptr<Protocol> {
    ++made;
    second.stop_listening();
    second.stop_listening();
    return std::make_unique<Actor>(*story, Script{});
  });
  const Address at = second.host();
  const std::unique_ptr<Peer> first = outside().connect(at);
  const std::unique_ptr<Peer> next = outside().connect(at);
  ASSERT_TRUE(until([&] { return story->made(); }));
  settle();
  EXPECT_EQ(made, 1);
  EXPECT_TRUE(next->was_reset());
  EXPECT_TRUE(outside().connect(at)->was_reset());
  first->send("I am in");
  ASSERT_TRUE(until([&] { return story->received == "I am in"; }));
}

TEST_P(Storm, Rule8_AWatchMayStopItselfAndOthers) {
  const std::unique_ptr<Signal> first = outside().signal();
  const std::unique_ptr<Signal> second = outside().signal();
  int calls = 0;
  Watching a;
  Watching b;
  const auto stop = [&](Interest ready) {
    EXPECT_EQ(ready, Interest::read);
    ++calls;
    a.stop();
    b.stop();
    a.stop();
    b.change(Interest::both);  // of one that has stopped: nothing
  };
  a = reactor().watch(first->descriptor(), Interest::read, stop);
  b = reactor().watch(second->descriptor(), Interest::read, stop);
  settle();
  EXPECT_EQ(calls, 0);
  first->raise();
  second->raise();
  settle();
  EXPECT_EQ(calls, 1);
  int again = 0;
  a = reactor().watch(first->descriptor(), Interest::none, [&](Interest) { ++again; });
  settle();
  EXPECT_EQ(again, 0);
  a.change(Interest::read);
  ASSERT_TRUE(until([&] { return again > 1; }));  // it is ready until somebody does something about it
  first->lower();
  settle();
  const int so_far = again;
  settle();
  EXPECT_EQ(again, so_far);
  a.stop();
}

}  // namespace
}  // namespace parley::conformance
