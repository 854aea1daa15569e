#pragma once

#include <string_view>

#include "parley/base/print.h"

namespace parley {

// How a message looks on the wire to some members of a group: with a header before it, as a netstring, with
// another line end. A group gives it each message once, however many members are told it in this form. It
// stays the program's, is used on the reactor's thread, and must outlive the connections that are added with
// it.
class Form {
 public:
  virtual ~Form() = default;

  // Writes the whole message, which is as it was printed, and may be empty. It is lent for the time of the
  // call. Where nothing is written, members in this form are not told of it. What is thrown leaves
  // `Group::broadcast`, and then nobody was told anything. No call to the library may be made here.
  virtual void encode(std::string_view message, Writer& out) = 0;
};

}  // namespace parley
