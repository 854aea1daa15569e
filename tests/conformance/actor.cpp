#include "tests/conformance/actor.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <utility>

namespace parley::conformance {

namespace {
std::size_t alive_now = 0;
bool may_be_dropped = false;
bool no_script = false;
int calls_in_progress = 0;
}  // namespace

std::size_t Story::times(std::string_view what) const {
  return static_cast<std::size_t>(std::count(told.begin(), told.end(), what));
}

// One callback, for the time that it takes; it may be left by an exception.
class Actor::Call {
 public:
  Call(Story& story, const char* name) {
    EXPECT_EQ(calls_in_progress, 0) << "rule 8: " << name << " came from inside another callback";
    EXPECT_FALSE(story.lost()) << name << " came after connection_lost";
    EXPECT_TRUE(story.made() || std::string_view(name) == "made") << name << " came before connection_made";
    story.told.emplace_back(name);
    ++calls_in_progress;
  }
  ~Call() { --calls_in_progress; }
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;
};

Actor::Actor(Story& story, Script script) : story_(story), script_(std::move(script)) {
  story_.actor = this;
  ++alive_now;
}

Actor::~Actor() {
  if (!may_be_dropped && story_.made()) {
    EXPECT_TRUE(story_.lost()) << "a protocol was destroyed without connection_lost";
  }
  story_.actor = nullptr;
  story_.destroyed = true;
  --alive_now;
}

std::size_t Actor::alive() {
  return alive_now;
}

void Actor::dropping(bool on) {
  may_be_dropped = on;
}

void Actor::off_stage(bool on) {
  no_script = on;
}

void Actor::connection_made() {
  EXPECT_FALSE(story_.made()) << "connection_made came twice";
  const Call call(story_, "made");
  story_.id = transport().id();
  if (script_.made && !no_script) script_.made(*this);
}

void Actor::data_received(std::span<char> lent) {
  EXPECT_TRUE(transport().reading()) << "rule 1: data_received came while reading was off";
  EXPECT_FALSE(lent.empty());
  const Call call(story_, "received");
  const std::string text(lent.data(), lent.size());
  std::fill(lent.begin(), lent.end(), '?');  // it is ours for the time of the call
  story_.received += text;
  if (script_.received && !no_script) script_.received(*this, text);
}

bool Actor::eof_received() {
  EXPECT_TRUE(transport().reading()) << "rule 1: eof_received came while reading was off";
  EXPECT_EQ(story_.times("ended"), 0U);
  const Call call(story_, "ended");
  return script_.ended && !no_script && script_.ended(*this);
}

void Actor::reading_resumed() {
  EXPECT_TRUE(transport().reading()) << "reading_resumed came while reading is off";
  const Call call(story_, "resumed");
  if (script_.resumed && !no_script) script_.resumed(*this);
}

void Actor::pause_writing() {
  EXPECT_FALSE(writing_paused_) << "pause_writing came twice";
  writing_paused_ = true;
  const Call call(story_, "pause_writing");
  if (script_.pause_writing && !no_script) script_.pause_writing(*this);
}

void Actor::resume_writing() {
  EXPECT_TRUE(writing_paused_) << "resume_writing came without pause_writing";
  writing_paused_ = false;
  const Call call(story_, "resume_writing");
  if (script_.resume_writing && !no_script) script_.resume_writing(*this);
}

void Actor::connection_lost(Reason reason) {
  const Call call(story_, "lost");
  story_.reason = reason;
  if (script_.lost && !no_script) script_.lost(*this, reason);
}

}  // namespace parley::conformance
