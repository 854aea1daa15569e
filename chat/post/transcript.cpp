#include "chat/post/transcript.h"

#include "chat/wire/line/encode.h"
#include "parley/base/print.h"

namespace chat {

Transcript::~Transcript() {
  if (dropped_ != said_) say();
}

void Transcript::put(const Event& event) {
  parley::TextWriter text;
  print(text, LineEvent{event});
  if (out_.put(text.text())) return;
  // Ever more rarely: the log is not to become what stdout cannot be.
  if (++dropped_ >= 10 * said_) say();
}

void Transcript::say() {
  said_ = dropped_;
  log_.write(parley::Level::warn,
             parley::format("stdout does not take the conversation: ", dropped_, " messages dropped so far"));
}

}  // namespace chat
