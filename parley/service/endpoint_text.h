#pragma once

// Private to Parley: the grammar of endpoint strings, before anything is known of their meaning.

#include <cstddef>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "parley/service/endpoints.h"

namespace parley {

// `kind:value:key=value`, taken apart. A backslash takes the meaning from the character behind it. What
// is wrong is thrown as EndpointError, at its column.
class EndpointText {
 public:
  struct Value {
    std::string text;
    std::size_t column = 1;  // counted from 1, where it begins
  };

  explicit EndpointText(std::string_view text);

  const std::string& kind() const { return kind_; }
  // Of `kind://...`, what follows the slashes; then there are no arguments. Otherwise null.
  const Value* url() const { return url_ ? &*url_ : nullptr; }

  // Says which arguments there may be: the first `unnamed` of `names` need not be named, none may be empty.
  // To be called before any is asked for.
  void expect(std::initializer_list<std::string_view> names, std::size_t unnamed);
  // An argument; one that is not there is an error, or nothing.
  const Value& need(std::string_view name) const;
  const Value* find(std::string_view name) const;

  [[noreturn]] void fail(std::size_t column, std::string_view wrong) const;
  // A number from `least` to `most`, in base 8 or 10; `what` names it in the error.
  unsigned number(const Value& value, std::string_view what, unsigned least, unsigned most,
                  int base = 10) const;
  // `%2F` and the like in a part of a URL, replaced.
  std::string percent_decoded(const Value& value) const;

 private:
  struct Argument {
    std::string name;  // empty where it has none
    Value value;
    std::size_t column;
  };

  void split(std::size_t at);

  std::string whole_;
  std::string kind_;
  std::optional<Value> url_;
  std::vector<Argument> arguments_;
};

}  // namespace parley
