#include "parley/reactor/process_output.h"

#include <algorithm>
#include <memory>
#include <span>
#include <stdexcept>
#include <utility>

namespace parley {

namespace {

class Collecting final : public ProcessProtocol {
 public:
  Collecting(MoveOnlyFunction<void(ProcessOutput)> then, std::string input, std::size_t most)
      : then_(std::move(then)), input_(std::move(input)), most_(most) {}

  void connection_made() override {
    transport().write(std::exchange(input_, {}));
    transport().close_stdin();
  }
  void out_received(std::span<char> lent) override { keep(lent, all_.output); }
  void err_received(std::span<char> lent) override { keep(lent, all_.error); }
  void process_ended(const ProcessStatus& status) override {
    all_.status = status;
    then_(std::move(all_));
  }

 private:
  // Its own children may hold the pipes for longer than it lives: nothing more is read of those either.
  void keep(std::span<char> lent, std::string& kept) {
    const std::size_t room = std::min(lent.size(), most_ - kept.size());
    kept.append(lent.data(), room);
    if (room == lent.size()) return;
    all_.cut = true;
    transport().kill();
    transport().lose_connection();
  }

  MoveOnlyFunction<void(ProcessOutput)> then_;
  std::string input_;
  const std::size_t most_;
  ProcessOutput all_{{}, {}, ProcessStatus(ProcessStatus::Kind::left)};
};

}  // namespace

Process get_process_output(Reactor& reactor, const std::vector<std::string>& arguments,
                           MoveOnlyFunction<void(ProcessOutput)> then, ProcessOutputSettings settings) {
  if (!then)
    throw std::invalid_argument("get_process_output: there is nothing to call, the function is empty");
  settings.spawn.stdin_bytes = std::max(settings.spawn.stdin_bytes, settings.input.size());
  auto protocol = std::make_unique<Collecting>(std::move(then), std::move(settings.input), settings.most);
  return spawn_process(reactor, std::move(protocol), arguments, settings.spawn);
}

}  // namespace parley
