#include "parley/stream/error.h"

#include <utility>

#include "parley/base/print.h"

namespace parley {

namespace {

class StreamCategory final : public std::error_category {
 public:
  const char* name() const noexcept override { return "stream"; }
  std::string message(int code) const override {
    return StreamErrc{code} == StreamErrc::incomplete_read ? "the input ended too early"
                                                           : "longer than the limit";
  }
};

}  // namespace

const std::error_category& stream_category() {
  static const StreamCategory category;
  return category;
}

std::error_code make_error_code(StreamErrc code) {
  return {static_cast<int>(code), stream_category()};
}

IncompleteRead::IncompleteRead(std::string_view operation, std::string_view where, std::string_view wanted,
                               std::string partial)
    : SocketError(StreamErrc::incomplete_read,
                  Worded{concat(operation, ' ', where, ": the input ended after ", partial.size(),
                                " bytes, before ", wanted)}),
      partial_(std::move(partial)) {}

LimitExceeded::LimitExceeded(std::string_view operation, std::string_view where, std::size_t limit)
    : SocketError(StreamErrc::limit_exceeded,
                  Worded{concat(operation, ' ', where, ": longer than the limit of ", limit,
                                " bytes (the last argument allows more)")}),
      limit_(limit) {}

}  // namespace parley
