#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace parley {

// Bytes that stay where they are for as long as somebody holds the slice: a file's content, a large
// body, a text that lives for the whole program. Copying a slice copies no bytes.
class Slice {
 public:
  Slice() = default;
  // Takes the text over.
  explicit Slice(std::string text) {
    auto held = std::make_shared<const std::string>(std::move(text));
    bytes_ = *held;
    owner_ = std::move(held);
  }
  // Bytes that `owner` keeps alive and unchanged.
  Slice(std::string_view bytes, std::shared_ptr<const void> owner)
      : bytes_(bytes), owner_(std::move(owner)) {}
  // Bytes that live as long as the program, a literal say.
  static Slice permanent(std::string_view bytes) { return Slice(bytes, nullptr); }

  std::string_view view() const { return bytes_; }
  const char* data() const { return bytes_.data(); }
  std::size_t size() const { return bytes_.size(); }
  bool empty() const { return bytes_.empty(); }
  // Whether somebody keeps them alive: not so of a permanent one.
  bool owned() const { return owner_ != nullptr; }
  void remove_prefix(std::size_t count) { bytes_.remove_prefix(count); }
  // Some of the bytes that this one keeps alive.
  Slice part(std::string_view bytes) const { return Slice(bytes, owner_); }

 private:
  std::string_view bytes_;
  std::shared_ptr<const void> owner_;
};

}  // namespace parley
