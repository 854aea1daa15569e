#pragma once

#include <string>
#include <string_view>

namespace chat {

// The text as it may be shown to others: bytes that are not UTF-8 are U+FFFD, one for each maximal
// subpart (Unicode 15, 3.9, "U+FFFD Substitution of Maximal Subparts": what browsers do); controls are
// gone: C0 without TAB, DEL, C1. A text that needs nothing done is answered as it is, without copying;
// otherwise the answer stands in `scratch`, which is overwritten, and at most three times as long as the
// text.
std::string_view clean(std::string_view text, std::string& scratch);

}  // namespace chat
