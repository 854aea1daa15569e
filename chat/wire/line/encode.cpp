#include "chat/wire/line/encode.h"

#include <string_view>
#include <variant>

namespace chat {
namespace {

constexpr std::string_view line_end = "\r\n";

struct EventPrinter {
  parley::Writer& out;

  void operator()(const Joined& joined) const {
    parley::print_all(out, "Client joined ", joined.name, line_end);
  }
  void operator()(const Said& said) const {
    parley::print_all(out, "[", said.name, "] ", said.text, line_end);
  }
  void operator()(const Left& left) const { parley::print_all(out, "Client left ", left.name, line_end); }
  void operator()(const GoingDown&) const { parley::print_all(out, "Server is shutting down", line_end); }
};

struct ReplyPrinter {
  parley::Writer& out;

  void operator()(const Welcome&) const {
    parley::print_all(out, "You're connected to the Parley chatserver", line_end);
  }
};

}  // namespace

void print(parley::Writer& out, const LineEvent& line) {
  std::visit(EventPrinter{out}, line.event.what);
}

void print(parley::Writer& out, const LineReply& line) {
  std::visit(ReplyPrinter{out}, line.reply.what);
}

void print(parley::Writer& out, const LineTooLong& line) {
  parley::print_all(out, "Line too long: ", line.limit, " bytes at most", line_end);
}

void print(parley::Writer& out, const SilentTooLong& /*line*/) {
  parley::print_all(out, "You have said nothing for too long", line_end);
}

}  // namespace chat
