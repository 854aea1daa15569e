#pragma once

#include <cstddef>
#include <string_view>

#include "parley/line/frame_receiver.h"

namespace parley {

// A protocol that reads like its specification: each state is a member function that takes so many bytes and
// says which state comes next.
//
//   class Messages : public StatefulReceiver {
//     State initial_state() override { return {&Messages::header, 4}; }
//     State header(std::string_view bytes) { return {&Messages::body, length_in(bytes)}; }
//     State body(std::string_view bytes) { ...; return {&Messages::header, 4}; }
//   };
//
// A size that came from the peer is for the state to check: up to that many bytes will be kept. What has not
// come whole at the end of input is dropped.
class StatefulReceiver : public FrameReceiver {
 protected:
  // What takes the next bytes, and how many. With 0 it is called at once, with none; states of 0 bytes must
  // not go round in a circle. Nothing is allocated for one.
  class State {
   public:
    template <class Derived>
    State(State (Derived::*take)(std::string_view), std::size_t bytes)
        : take_(static_cast<State (StatefulReceiver::*)(std::string_view)>(take)), bytes_(bytes) {}

   private:
    friend class StatefulReceiver;
    State() = default;

    State (StatefulReceiver::*take_)(std::string_view) = nullptr;
    std::size_t bytes_ = 0;
  };

  // What takes the first bytes; asked for when they come.
  virtual State initial_state() = 0;

  bool handle_next(Input& input) override;
  bool due() const override { return state_.take_ != nullptr && state_.bytes_ == 0; }

 private:
  State state_;
};

}  // namespace parley
