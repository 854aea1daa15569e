#include "chat/front_desk.h"

#include "chat/wire/line/clean.h"

namespace chat {

std::string_view FrontDesk::clean(std::string_view text) {
  return chat::clean(text, scratch_);
}

Stamp FrontDesk::stamp() {
  const parley::Duration since_1970 = reactor_.now().time_since_epoch() + offset_;
  return {++commands_, std::chrono::duration_cast<std::chrono::microseconds>(since_1970).count()};
}

}  // namespace chat
