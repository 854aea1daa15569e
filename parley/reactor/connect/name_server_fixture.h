#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "parley/reactor/reactor.h"
#include "parley/socket/error.h"
#include "parley/socket/socket.h"

namespace parley {

// A name server on loopback, in the reactor that asks it: what it answers is the test's (RFC 1035, section
// 4).
class NameServer {
 public:
  static constexpr int a = 1;
  static constexpr int cname = 5;
  static constexpr int aaaa = 28;

  struct Question {
    std::string id;
    std::string text;  // as it stands in the packet: name, type and class
    std::string name;
    int type = 0;
    bool over_tcp = false;
  };
  // What is sent back; nothing: it stays silent.
  using Answer = std::function<std::optional<std::string>(const Question&)>;

  NameServer(Reactor& reactor, Answer answer, const Address& address = {"127.0.0.1", 0})
      : answer_(std::move(answer)) {
    bind(address);
    udp_.setblocking(false);
    tcp_.listen();
    datagrams_ = reactor.watch(udp_.fileno(), Interest::read, [this](Interest) { receive(); });
    port_ = reactor.adopt_port(tcp_.dup(), factory([this] { return std::make_unique<Stream>(*this); }));
  }
  ~NameServer() {
    datagrams_.stop();
    port_.stop_listening();
  }

  std::string at() const { return concat(udp_.getsockname()); }
  std::uint16_t port() const { return static_cast<std::uint16_t>(udp_.getsockname().port()); }
  const std::vector<Question>& questions() const { return questions_; }

  // An answer of so many records, which follow the question.
  static std::string reply(const Question& question, const std::vector<std::string>& records, int code = 0,
                           bool truncated = false) {
    std::string packet = question.id;
    packet += static_cast<char>(truncated ? 0x87 : 0x85);
    packet += static_cast<char>(0x80 | code);
    return packet + number(1) + number(static_cast<int>(records.size())) + number(0) + number(0) +
           question.text + joined(records);
  }
  // A record about the name that was asked for.
  static std::string record(int type, std::string_view data) {
    return "\xc0\x0c" + number(type) + number(1) + number(0) + number(60) +
           number(static_cast<int>(data.size())) + std::string(data);
  }
  static std::string record(const Address& address) {
    const bool four = address.family() == Family::inet;
    return record(four ? a : aaaa, inet_pton(address.family(), address.host()));
  }

 private:
  class Stream final : public Protocol {
   public:
    explicit Stream(NameServer& server) : server_(server) {}
    void data_received(std::span<char> lent) override {
      received_.append(lent.data(), lent.size());
      if (received_.size() < 2 || received_.size() < 2 + size()) return;
      const auto answer = server_.answered(received_.substr(2), true);
      if (answer) transport().write(number(static_cast<int>(answer->size())) + *answer);
    }

   private:
    std::size_t size() const {
      return static_cast<std::size_t>(static_cast<unsigned char>(received_[0]) * 256 +
                                      static_cast<unsigned char>(received_[1]));
    }

    NameServer& server_;
    std::string received_;
  };

  static std::string number(int value) {
    return {static_cast<char>(value >> 8), static_cast<char>(value & 0xff)};
  }
  static std::string joined(const std::vector<std::string>& parts) {
    std::string all;
    for (const std::string& part : parts) all += part;
    return all;
  }

  // One port for both, which somebody may have for one of them.
  void bind(const Address& address) {
    for (int attempt = 0;; ++attempt) {
      udp_ = Socket(Family::inet, Type::datagram);
      udp_.bind(address);
      try {
        return tcp_.bind(udp_.getsockname());
      } catch (const SocketError&) {
        if (attempt == 20 || address.port() != 0) throw;
      }
    }
  }

  void receive() {
    const auto [packet, from] = udp_.recvfrom(2000);
    if (const auto answer = answered(packet, false)) udp_.sendto(*answer, from);
  }

  std::optional<std::string> answered(const std::string& packet, bool over_tcp) {
    Question question{.id = packet.substr(0, 2), .text = {}, .name = {}, .over_tcp = over_tcp};
    std::size_t at = 12;
    for (; packet.at(at) != 0; at += static_cast<unsigned char>(packet[at]) + 1U) {
      if (!question.name.empty()) question.name += '.';
      question.name += packet.substr(at + 1, static_cast<unsigned char>(packet[at]));
    }
    question.text = packet.substr(12, at + 5 - 12);
    question.type = static_cast<unsigned char>(packet.at(at + 2));
    questions_.push_back(question);
    return answer_(question);
  }

  Answer answer_;
  Socket udp_{Family::inet, Type::datagram};
  Socket tcp_;
  Watching datagrams_;
  ListeningPort port_;
  std::vector<Question> questions_;
};

}  // namespace parley
