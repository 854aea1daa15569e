#include "parley/socket/error.h"

#include <chrono>
#include <netdb.h>

#include "parley/base/print.h"

namespace parley {

namespace {

std::string sentence(std::string_view operation, std::string_view where, std::string_view reason,
                     std::string_view advice) {
  TextWriter out;
  out.put(operation);
  if (!where.empty()) print_all(out, ' ', where);
  print_all(out, ": ", reason);
  if (!advice.empty()) print_all(out, " (", advice, ')');
  return std::string(out.text());
}

// Whoever says more to do says it first.
std::string with_remedy_behind(std::string_view advice, std::error_code reason) {
  const std::string_view remedy = detail::remedy(reason);
  if (advice.empty() || remedy.empty()) return std::string(advice.empty() ? remedy : advice);
  return advice.find(remedy) == advice.npos ? concat(advice, "; ", remedy) : std::string(advice);
}

std::string seconds(Duration time) {
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(time).count();
  std::string text = concat(ms / 1000);
  if (ms % 1000 != 0) {
    text += '.' + concat(1000 + ms % 1000).substr(1);
    text.erase(text.find_last_not_of('0') + 1);
  }
  return text + " s";
}

class ResolveCategory final : public std::error_category {
 public:
  const char* name() const noexcept override { return "resolve"; }
  std::string message(int code) const override { return gai_strerror(code); }
};

}  // namespace

SocketError::SocketError(std::string_view operation, std::string_view where, std::error_code reason,
                         std::string_view advice)
    : SocketError(reason,
                  Worded{sentence(operation, where, reason.message(), with_remedy_behind(advice, reason))}) {}

SocketError::SocketError(std::error_code reason, Worded message)
    : std::system_error(reason), message_(std::make_shared<const std::string>(std::move(message.message))) {}

Timeout::Timeout(std::string_view operation, std::string_view where, Duration after, std::string_view advice)
    : SocketError(std::make_error_code(std::errc::timed_out),
                  Worded{sentence(operation, where, "timed out after " + seconds(after), advice)}) {}

const std::error_category& resolve_category() {
  static const ResolveCategory category;
  return category;
}

namespace detail {

std::string_view remedy(std::error_code reason) noexcept {
  if (reason == std::errc::too_many_files_open)
    return "this process may open no more descriptors: see ulimit -n";
  if (reason == std::errc::too_many_files_open_in_system)
    return "this machine may open no more files: see sysctl fs.file-max";
  return {};
}

std::string with_remedy(std::string_view text, std::error_code reason) {
  const std::string_view remedy = detail::remedy(reason);
  return remedy.empty() ? std::string(text) : concat(text, " (", remedy, ')');
}

}  // namespace detail

}  // namespace parley
