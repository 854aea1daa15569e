#include "chat/front_desk.h"

namespace chat {

void FrontDesk::close(SessionId session) {
  // In this order: what the hall has to say about the end, it says to the post, which still finds the
  // session's connection then and takes it out of its room.
  submit(Disconnect{session});
  sessions_.remove(session);
}

Stamp FrontDesk::stamp() {
  // The loop's time goes on evenly. The time of day may be set back, and a history is to stay in order.
  const parley::Duration since_1970 = reactor_.now().time_since_epoch() + offset_;
  return {++commands_, std::chrono::duration_cast<std::chrono::microseconds>(since_1970).count()};
}

}  // namespace chat
