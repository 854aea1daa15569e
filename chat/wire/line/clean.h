#pragma once

#include <string>
#include <string_view>

namespace chat {

// These edit the line in which they stand: BS and DEL (a terminal's backspace key is one or the other) erase
// the character before them, NAK (Ctrl-U) all that is before it. Telnet's EC and EL come as two of them.
inline constexpr char erases_character = '\x7f';
inline constexpr char erases_character_too = '\x08';
inline constexpr char erases_line = '\x15';

// A line as it may be shown to others, on their terminals and on ours. This is the whole rule:
//
// 1. Bytes that are not UTF-8 are U+FFFD, one for each maximal subpart (Unicode 15, 3.9, "U+FFFD Substitution
//    of Maximal Subparts": what browsers do).
// 2. What erases, erases: a character that can be seen, with the invisible ones behind it.
// 3. What is not seen and acts on a terminal, or on the text around it, is gone: the other controls (C0
// without
//    TAB, and C1), U+2028 and U+2029, which end lines, U+FFF9 to U+FFFB, which annotate, and all that Unicode
//    calls Default_Ignorable_Code_Point: what sets the direction of text (overrides, embeddings, isolates,
//    marks), spaces and joiners of no width, U+FEFF, the soft hyphen, fillers, tags, selectors.
// 4. Of these stay, one behind a character, those without which people cannot write: U+200C and U+200D behind
//    letters of the scripts that join (Arabic, those of India ...), where they choose the form of a letter,
//    and behind emoji, which they make into one; selectors of Mongolian behind its letters; U+FE00 to U+FE0F,
//    as in emoji, behind what is not ASCII, and 0 to 9, # and * (keycaps); U+E0100 to U+E01EF behind Chinese
//    characters. Elsewhere they only make two texts differ that look the same.
//
// A text that needs nothing done is answered as it is, without copying; otherwise the answer stands in
// `scratch`, which is overwritten, and at most three times as long as the text.
std::string_view clean(std::string_view text, std::string& scratch);

}  // namespace chat
