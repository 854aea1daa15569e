#include "parley/line/frame_receiver.h"

#include <algorithm>
#include <cassert>
#include <memory>
#include <utility>

#include "parley/reactor/transport.h"

namespace parley {

FrameReceiver::Input::Input(const Input& from, std::vector<char> bytes)
    : searched(from.searched),
      wanted(from.wanted),
      kept_(std::move(bytes)),
      at_(kept_.data()),
      end_(at_ + kept_.size()) {}

// In memory that is doubled, but only to what is wanted while that is enough: who announces much and sends
// little holds little.
void FrameReceiver::Input::append(std::span<const char> bytes) {
  const std::size_t done = handled();
  const std::size_t needed = kept_.size() + bytes.size();
  if (needed > kept_.capacity()) {
    const std::size_t twice = 2 * kept_.capacity();
    kept_.reserve(std::max(needed, needed <= done + wanted ? std::min(twice, done + wanted) : twice));
  }
  kept_.insert(kept_.end(), bytes.begin(), bytes.end());
  at_ = kept_.data() + done;
  end_ = kept_.data() + kept_.size();
}

FrameReceiver::~FrameReceiver() {
  assert(!busy_);
  delete input_;
}

void FrameReceiver::data_received(std::span<char> lent) {
  assert(!busy_);
  // A frame that has begun is completed where it is kept; what follows it is handled where it lies.
  while (input_ != nullptr && !lent.empty()) {
    std::size_t some = lent.size();
    // While it is not read, nothing can be handled: all of it is kept.
    if (transport().reading()) {
      some = input_->wanted > input_->size() ? std::min(some, input_->wanted - input_->size())
                                             : to_complete({lent.data(), lent.size()});
    }
    input_->append(lent.first(some));
    lent = lent.subspan(some);
    handle_kept();
  }
  if (lent.empty()) return;
  Input passing(lent);
  handle(passing);
  if (!passing.empty()) input_ = new Input(passing, std::vector<char>(passing.at_, passing.end_));
}

bool FrameReceiver::eof_received() {
  assert(!busy_);
  ended_ = true;
  handle_kept();
  return waits();
}

void FrameReceiver::reading_resumed() {
  go_on();
}

void FrameReceiver::go_on() {
  // From inside a callback: whoever handles the input goes on anyway.
  if (busy_) return;
  const bool last = ended_ && waits();
  handle_kept();
  if (last && !waits() && !eof_received()) transport().lose_connection();
}

void FrameReceiver::handle_kept() {
  if (!waits()) return;
  // Without bytes too, where something is due that needs none.
  std::unique_ptr<Input> input(input_ != nullptr ? std::exchange(input_, nullptr) : new Input);
  handle(*input);
  if (ended_ && transport().reading()) return;  // what is left will not be completed
  if (input->empty()) return;
  if (input->handled() < input->size()) {
    input_ = input.release();
  } else {  // a few bytes do not hold a large block; each copied one pays for one handled
    input_ = new Input(*input, std::vector<char>(input->at_, input->end_));
  }
}

// As much of the input as may be handled now.
void FrameReceiver::handle(Input& input) {
  struct Busy {
    explicit Busy(FrameReceiver& r) : receiver(r) { receiver.busy_ = true; }
    ~Busy() { receiver.busy_ = false; }
    FrameReceiver& receiver;
  } const busy(*this);
  while (transport().reading() && input.size() >= input.wanted && handle_next(input)) {
  }
}

}  // namespace parley
