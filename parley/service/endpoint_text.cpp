#include "parley/service/endpoint_text.h"

#include <algorithm>
#include <charconv>
#include <span>
#include <utility>

#include "parley/base/print.h"

namespace parley {

namespace {

constexpr std::string_view colons = R"(; a colon inside a value is written "\:")";

std::string list(std::span<const std::string_view> names) {
  std::string text;
  for (const std::string_view name : names) text.append(text.empty() ? "" : ", ").append(name);
  return text;
}

}  // namespace

EndpointText::EndpointText(std::string_view text) : whole_(text) {
  if (text.find('\0') != std::string_view::npos) fail(text.find('\0') + 1, "there is a NUL byte");
  const std::size_t colon = text.find_first_of(":\\=");
  if (colon == std::string_view::npos || text[colon] != ':') {
    fail(1, R"(it begins with no kind, such as "tcp:" or "unix:")");
  }
  kind_ = text.substr(0, colon);
  if (text.substr(colon + 1).starts_with("//")) {
    url_ = Value{std::string(text.substr(colon + 3)), colon + 4};
  } else {
    split(colon + 1);
  }
}

void EndpointText::split(std::size_t at) {
  const auto begin = [this](std::size_t column) {
    arguments_.push_back({.name = {}, .value = {.text = {}, .column = column}, .column = column});
  };
  begin(at + 1);
  bool named = false;
  for (; at < whole_.size(); ++at) {
    Argument& argument = arguments_.back();
    if (whole_[at] == ':') {
      begin(at + 2);
      named = false;
    } else if (whole_[at] == '=' && !named) {
      named = true;
      argument.name = std::exchange(argument.value.text, {});
      argument.value.column = at + 2;
      if (argument.name.empty()) fail(at + 1, "there is no name before the \"=\"");
    } else {
      if (whole_[at] == '\\') ++at;
      if (at == whole_.size()) fail(at, "the backslash at the end escapes nothing");
      argument.value.text += whole_[at];
    }
  }
}

void EndpointText::expect(std::initializer_list<std::string_view> names, std::size_t unnamed) {
  std::size_t next = 0;
  for (auto argument = arguments_.begin(); argument != arguments_.end(); ++argument) {
    if (argument->name.empty()) {
      if (next == unnamed) {
        fail(argument->column, concat("only the ", list(std::span(names.begin(), next)), " of a ", kind_,
                                      " endpoint may stand without a name", colons));
      }
      argument->name = names.begin()[next++];
    } else if (std::ranges::find(names, argument->name) == names.end()) {
      fail(argument->column,
           concat(kind_, " has no argument \"", argument->name, "\"; there are: ", list(names)));
    }
    if (argument->value.text.empty()) {
      fail(argument->value.column, concat("the ", argument->name, " is empty", colons));
    }
    const auto same = [&](const Argument& earlier) { return earlier.name == argument->name; };
    if (std::any_of(arguments_.begin(), argument, same)) {
      fail(argument->column, concat("the ", argument->name, " is given twice"));
    }
  }
}

const EndpointText::Value* EndpointText::find(std::string_view name) const {
  const auto found = std::ranges::find(arguments_, name, &Argument::name);
  return found == arguments_.end() ? nullptr : &found->value;
}

const EndpointText::Value& EndpointText::need(std::string_view name) const {
  const Value* const value = find(name);
  if (value == nullptr) fail(whole_.size() + 1, concat("the ", name, " is missing"));
  return *value;
}

void EndpointText::fail(std::size_t column, std::string_view wrong) const {
  throw EndpointError(whole_, column, wrong);
}

unsigned EndpointText::number(const Value& value, std::string_view what, unsigned least, unsigned most,
                              int base) const {
  unsigned number = 0;
  const char* const end = value.text.data() + value.text.size();
  const auto [stop, error] = std::from_chars(value.text.data(), end, number, base);
  if (stop != end || (error != std::errc() && error != std::errc::result_out_of_range)) {
    fail(value.column,
         concat("the ", what, " \"", value.text, "\" is no ", base == 8 ? "octal " : "", "number"));
  }
  if (error != std::errc() || number < least || number > most) {
    std::string limit = concat(most);
    if (base == 8) {
      char digits[16];
      limit.assign(digits, std::to_chars(digits, digits + sizeof digits, most, 8).ptr);
    }
    fail(value.column, concat("the ", what, " ", value.text, " is not from ", least, " to ", limit));
  }
  return number;
}

std::string EndpointText::percent_decoded(const Value& value) const {
  std::string decoded;
  for (std::size_t i = 0; i < value.text.size(); ++i) {
    if (value.text[i] != '%') {
      decoded += value.text[i];
      continue;
    }
    const std::string_view digits = std::string_view(value.text).substr(i + 1, 2);
    unsigned byte = 0;
    const char* const end = digits.data() + digits.size();
    if (digits.size() != 2 || std::from_chars(digits.data(), end, byte, 16).ptr != end || byte == 0) {
      fail(value.column + i, "no two hexadecimal digits, other than 00, follow the \"%\"");
    }
    decoded += static_cast<char>(byte);
    i += 2;
  }
  return decoded;
}

}  // namespace parley
