#include "parley/line/stateful_receiver.h"

namespace parley {

bool StatefulReceiver::handle_next(Input& input) {
  if (state_.take_ == nullptr) {
    if (input.empty()) return false;
    // Not in the constructor, where a virtual function of a derived class cannot be called.
    state_ = initial_state();
  }
  const std::string_view bytes = input.view().substr(0, state_.bytes_);
  if (bytes.size() < state_.bytes_) {
    input.wanted = state_.bytes_;
    return false;
  }
  input.take(state_.bytes_);
  state_ = (this->*state_.take_)(bytes);
  return true;
}

}  // namespace parley
