#include "parley/stream/when.h"

#include "parley/stream/task_group.h"

namespace parley::detail {

void Combinator::on_ended(Member& member) noexcept {
  if (decided_ || until_ == Until::all_ended) return;
  if (member.answered()) {
    if (until_ == Until::all) return;
    winner_ = &member;
  } else {
    std::exception_ptr error = member.error();
    if (error == nullptr || is_cancelled(error)) {
      // It was cancelled, and not by us. Where one is enough, another may still answer.
      missing_ = true;
      return;
    }
    error_ = std::move(error);
  }
  decided_ = true;
  cancel_all(nullptr);
}

void Combinator::settle() const {
  if (error_) std::rethrow_exception(error_);
  if (until_ == Until::first ? winner_ == nullptr : missing_) throw_cancelled();
}

}  // namespace parley::detail
