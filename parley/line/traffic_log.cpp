#include "parley/line/traffic_log.h"

#include <algorithm>
#include <exception>
#include <memory>
#include <ostream>
#include <span>
#include <string>
#include <utility>

namespace parley {

namespace {

constexpr std::string_view digits = "0123456789abcdef";

bool printable(char c) {
  return c >= ' ' && c <= '~';
}

void put_escaped(std::string& line, std::string_view bytes) {
  for (const char c : bytes) {
    switch (c) {
      case '\n':
        line += "\\n";
        break;
      case '\r':
        line += "\\r";
        break;
      case '\t':
        line += "\\t";
        break;
      case '\\':
        line += "\\\\";
        break;
      default:
        if (printable(c)) {
          line += c;
        } else {
          line += {'\\', 'x', digits[static_cast<unsigned char>(c) >> 4U], digits[c & 0xf]};
        }
    }
  }
}

// `00000010  68 65 6c 6c 6f 0d 0a                              |hello..|`
void put_hex(std::string& line, std::size_t place, std::string_view bytes) {
  for (int shift = 28; shift >= 0; shift -= 4) line += digits[place >> static_cast<unsigned>(shift) & 0xfU];
  line += ' ';
  for (std::size_t i = 0; i < 16; ++i) {
    if (i < bytes.size()) {
      line += {' ', digits[static_cast<unsigned char>(bytes[i]) >> 4U], digits[bytes[i] & 0xf]};
    } else {
      line += "   ";
    }
  }
  line += "  |";
  for (const char c : bytes) line += printable(c) ? c : '.';
  line += '|';
}

class Logged final : public Filter {
 public:
  Logged(std::shared_ptr<const TrafficSink> sink, TrafficForm form, const Address& peer)
      : sink_(std::move(sink)), form_(form), peer_(concat(peer)) {}

  void connection_made() override {
    (*sink_)(peer_ + " connected");
    Filter::connection_made();
  }
  void data_received(std::span<char> lent) override {
    log(" < ", {lent.data(), lent.size()});
    Filter::data_received(lent);
  }
  bool eof_received() override {
    (*sink_)(peer_ + " < end");
    return Filter::eof_received();
  }
  void connection_lost(Reason reason) override {
    // The application is told, whatever the sink throws; the sink first, as of everything.
    std::exception_ptr escaped;
    try {
      (*sink_)(concat(peer_, " lost: ", reason));
    } catch (...) {
      escaped = std::current_exception();
    }
    Filter::connection_lost(reason);
    if (escaped != nullptr) std::rethrow_exception(escaped);
  }
  void flush(Output& output) override {
    std::string whole;
    for (const std::string_view piece : output.pieces()) whole += piece;
    log(" > ", whole);
    Filter::flush(output);
  }
  bool finish(Output& /*output*/) override {
    (*sink_)(peer_ + " > end");
    return true;
  }

 private:
  void log(std::string_view direction, std::string_view bytes) const {
    if (bytes.empty()) return;
    std::string line = peer_;
    line += direction;
    const std::size_t begin = line.size();
    if (form_ == TrafficForm::text) {
      put_escaped(line, bytes);
      return (*sink_)(line);
    }
    for (std::size_t place = 0; place < bytes.size(); place += 16) {
      line.resize(begin);
      put_hex(line, place, bytes.substr(place, 16));
      (*sink_)(line);
    }
  }

  std::shared_ptr<const TrafficSink> sink_;
  TrafficForm form_;
  std::string peer_;
};

}  // namespace

Wrap log_traffic(TrafficSink sink, TrafficForm form) {
  return [sink = std::make_shared<const TrafficSink>(std::move(sink)), form](const Address& peer) {
    return std::make_unique<Logged>(sink, form, peer);
  };
}

Wrap log_traffic(Log& log, TrafficForm form, Level level) {
  return log_traffic([&log, level](std::string_view line) { log.write(level, line); }, form);
}

Wrap log_traffic(std::ostream& out, TrafficForm form) {
  return log_traffic([&out](std::string_view line) { out << line << std::endl; }, form);
}

}  // namespace parley
