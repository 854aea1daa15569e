#include "parley/stream/child_process.h"

#include <algorithm>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <utility>

#include "parley/base/print.h"
#include "parley/reactor/process/events.h"
#include "parley/reactor/process/relay.h"
#include "parley/socket/error.h"
#include "parley/stream/error.h"
#include "parley/stream/event.h"
#include "parley/stream/task_group.h"

namespace parley {

namespace detail {

// What the ChildProcess, the reactor and those who wait share: each may go first.
struct ChildState {
  std::string name;  // of its program
  Processes* processes = nullptr;
  Process process;  // empty once the reactor has gone
  int pid = 0;
  Stream input, output, error;
  bool has_input = false;
  int coming = 0;  // streams that are not there yet
  Event made;      // they all are
  std::optional<ProcessStatus> status;
  Event ended;
  bool dropped = false;

  // Once `ended` is set.
  ProcessStatus how_it_ended() const {
    return *status;  // NOLINT(bugprone-unchecked-optional-access)
  }
  void kill() {
    if (process.transport() != nullptr) processes->kill(process);
  }
  void drop() {
    dropped = true;
    kill();
    for (Stream* const stream : {&input, &output, &error}) *stream = Stream();
  }
};

}  // namespace detail

namespace {

using detail::ChildState;
using State = std::shared_ptr<ChildState>;

// So much is written before there must be room for more.
constexpr std::size_t piece = 64UL * 1024;

class Ending final : public ProcessProtocol {
 public:
  explicit Ending(State state) : state_(std::move(state)) {}
  // The reactor goes before it was told.
  ~Ending() override { state_->process = {}; }

  void process_ended(const ProcessStatus& status) override {
    state_->status = status;
    state_->ended.set();
  }

 private:
  State state_;
};

void make_stream(Reactor& reactor, const State& state, Stream ChildState::* which, RelayEnds ends) {
  ++state->coming;
  relay(reactor, stream_protocol([weak = std::weak_ptr(state), which](Stream stream) {
          const State living = weak.lock();
          if (living == nullptr || living->dropped) return;  // it closes
          (*living).*which = std::move(stream);
          if (--living->coming == 0) living->made.set();
        }),
        std::move(ends));
}

Task<ProcessStatus> wait_for(State state) {
  co_await state->ended.wait();
  co_return state->how_it_ended();
}

bool reads_no_more(const SocketError& error) {
  return error.code() == std::errc::broken_pipe || error.code() == std::errc::connection_reset;
}

Task<> feed(State state, std::string_view bytes) {
  try {
    for (; !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size()))) {
      co_await state->input.write(bytes.substr(0, piece));
    }
  } catch (const SocketError& error) {
    if (!reads_no_more(error)) throw;
  }
  state->input.shutdown_write();  // not `close`, which gives what waits some time: the child may be slow
}

Task<> collect(Stream& stream, std::string& into, std::size_t limit, std::string name) {
  while (const auto bytes = co_await stream.read()) {
    if (bytes->size() > limit - into.size()) throw LimitExceeded("communicate", name, limit);
    into += *bytes;
  }
}

Task<ProcessOutput> communicate_with(State state, std::string input, std::size_t limit) {
  if (!input.empty() && !state->has_input) {
    throw std::logic_error(concat("communicate: there is an input for ", state->name,
                                  ", whose stdin is no pipe (SpawnSettings::input)"));
  }
  ProcessOutput all{{}, {}, ProcessStatus(ProcessStatus::Kind::left)};
  TaskGroup group;
  group.spawn(collect(state->output, all.output, limit, concat("stdout of ", state->name)));
  group.spawn(collect(state->error, all.error, limit, concat("stderr of ", state->name)));
  group.spawn(feed(state, input));  // last: where somebody else reads, nothing is written
  try {
    co_await group.join();
  } catch (const LimitExceeded&) {
    state->kill();
    throw;
  }
  co_await state->ended.wait();
  all.status = state->how_it_ended();
  co_return all;
}

}  // namespace

ChildProcess& ChildProcess::operator=(ChildProcess&& other) noexcept {
  ChildProcess gone(std::exchange(state_, std::move(other.state_)));
  return *this;
}

ChildProcess::~ChildProcess() {
  if (state_ != nullptr) state_->drop();
}

Stream& ChildProcess::input() {
  return state_->input;
}
Stream& ChildProcess::output() {
  return state_->output;
}
Stream& ChildProcess::error() {
  return state_->error;
}

Task<ProcessStatus> ChildProcess::wait() {
  return wait_for(state_);
}

std::optional<ProcessStatus> ChildProcess::status() const {
  return state_->status;
}

Task<ProcessOutput> ChildProcess::communicate(std::string input, std::size_t limit) {
  return communicate_with(state_, std::move(input), limit);
}

bool ChildProcess::send_signal(Signal signal) {
  ProcessTransport* const child = transport();
  return child != nullptr && child->signal(signal);
}

bool ChildProcess::terminate() {
  return send_signal(Signal::terminate);
}

bool ChildProcess::kill() {
  ProcessTransport* const child = transport();
  return child != nullptr && child->kill();
}

int ChildProcess::pid() const {
  return state_->pid;
}

ProcessTransport* ChildProcess::transport() const {
  return state_->process.transport();
}

Task<ChildProcess> create_subprocess_exec(std::vector<std::string> arguments, SpawnSettings settings) {
  Reactor& reactor = current_reactor();
  const auto state = std::make_shared<ChildState>();
  state->processes = &reactor.events().processes;
  auto started = state->processes->spawn_apart(std::make_unique<Ending>(state), arguments, settings);
  state->process = started.first;
  ChildProcess child(state);  // from here on, whatever is thrown kills it
  state->name = arguments.front();
  state->pid = child.transport()->pid();
  Processes::Pipes& pipes = started.second;
  state->has_input = static_cast<bool>(pipes.input);
  if (pipes.input) {
    RelayEnds ends{.output = {std::move(pipes.input), piece, true}};
    make_stream(reactor, state, &ChildState::input, std::move(ends));
  }
  if (pipes.output) {
    RelayEnds ends{.input = {.descriptor = std::move(pipes.output)}};
    make_stream(reactor, state, &ChildState::output, std::move(ends));
  }
  if (pipes.error) {
    RelayEnds ends{.input = {.descriptor = std::move(pipes.error)}};
    make_stream(reactor, state, &ChildState::error, std::move(ends));
  }
  if (state->coming != 0) co_await state->made.wait();
  co_return child;
}

}  // namespace parley
