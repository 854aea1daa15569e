#include "chat/post/transcript.h"

#include <utility>

#include "chat/wire/line/encode.h"
#include "parley/base/print.h"

namespace chat {

Transcript::~Transcript() {
  if (dropped_ != said_) say();
}

void Transcript::put(const Event& event) {
  parley::TextWriter text;
  print(text, LineEvent{event});
  if (out_.put(text.text())) {
    // Not with the first that finds room: the next may find none.
    if (dropping_ && !out_.behind()) {
      dropping_ = false;
      said_ = dropped_;
      log_.write(parley::Level::info, parley::concat("stdout takes the conversation again; ", dropped_,
                                                     " messages were dropped in all"));
    }
    return;
  }
  ++dropped_;
  // Ever more rarely: the log is not to become what stdout cannot be.
  if (!std::exchange(dropping_, true) || dropped_ >= 10 * said_) say();
}

void Transcript::say() {
  said_ = dropped_;
  log_.write(parley::Level::warn,
             parley::concat("stdout does not take the conversation: ", dropped_, " messages dropped so far"));
}

}  // namespace chat
