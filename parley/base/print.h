#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iosfwd>
#include <string>
#include <string_view>
#include <type_traits>

namespace parley {

// Where printed text goes: a piece of memory that grows when it is full. The tape, a string and a
// std::ostream are all served by it, so that each value has one print function and no other.
class Writer {
 public:
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  void put(std::string_view text) {
    if (text.size() > room()) grow(text.size());
    if (!text.empty()) std::memcpy(at_, text.data(), text.size());
    at_ += text.size();
  }
  void put(char c) {
    if (at_ == end_) grow(1);
    *at_++ = c;
  }
  // Decimal, with a sign when negative.
  void put_number(std::int64_t number);
  void put_number(std::uint64_t number);

 protected:
  Writer(char* at, char* end) : at_(at), end_(end) {}
  ~Writer() = default;

  // Makes room for at least `wanted` more bytes; what was put before stays. May throw std::bad_alloc.
  virtual void grow(std::size_t wanted) = 0;

  std::size_t room() const { return static_cast<std::size_t>(end_ - at_); }

  char* at_;
  char* end_;
};

// A writer into memory of its own: `text()` is what was put so far, valid until the next put.
class TextWriter final : public Writer {
 public:
  TextWriter() : Writer(inline_, inline_ + sizeof inline_) {}
  std::string_view text() const { return {begin(), static_cast<std::size_t>(at_ - begin())}; }

 private:
  void grow(std::size_t wanted) override;
  const char* begin() const { return spill_.empty() ? inline_ : spill_.data(); }

  char inline_[240];
  std::string spill_;
};

inline void print(Writer& out, std::string_view text) {
  out.put(text);
}
inline void print(Writer& out, char c) {
  out.put(c);
}
template <std::integral Number>
  requires(!std::same_as<Number, bool> && !std::same_as<Number, char>)
void print(Writer& out, Number number) {
  if constexpr (std::is_signed_v<Number>) {
    out.put_number(std::int64_t{number});
  } else {
    out.put_number(std::uint64_t{number});
  }
}

// A value that prints: `print(Writer&, const T&)` is found beside its type.
template <class T>
concept Printable = requires(Writer& out, const T& value) { print(out, value); };

// Prints some values one after another, with nothing in between.
template <Printable... Parts>
void print_all(Writer& out, const Parts&... parts) {
  (print(out, parts), ...);
}

// The printed form of some values, one after another, as one string. (`format` would be another thing, with
// `{}`: std::format, fmt::format.)
template <Printable... Parts>
std::string concat(const Parts&... parts) {
  TextWriter out;
  print_all(out, parts...);
  return std::string(out.text());
}

namespace detail {
std::ostream& stream_out(std::ostream& out, std::string_view text);
}

// Parley's own values go to a std::ostream through the same function. (Types that a stream knows
// already, such as strings and numbers, are left to it.)
template <class T>
  requires(Printable<T> && (std::is_class_v<T> || (std::is_enum_v<T> && !std::convertible_to<T, int>)) &&
           !std::convertible_to<const T&, std::string_view>)
std::ostream& operator<<(std::ostream& out, const T& value) {
  TextWriter text;
  print(text, value);
  return detail::stream_out(out, text.text());
}

}  // namespace parley
