#include "parley/reactor/process/processes.h"

#include <array>
#include <optional>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "parley/process/pipes.h"
#include "parley/process/spawn.h"
#include "parley/reactor/loop/loop.h"
#include "parley/reactor/process/events.h"
#include "parley/socket/error.h"

namespace parley {

namespace {

constexpr ProcessStatus left_running(ProcessStatus::Kind::left);

bool nothing_yet(std::error_code error) {
  return error == std::errc::resource_unavailable_try_again || error == std::errc::operation_would_block;
}

}  // namespace

// Downcalls note what is to be; `settle`, which the loop calls, tells it.
class Processes::Record final : public ProcessTransport {
 public:
  Record(Processes& processes, EntryId id, Spawned spawned, std::unique_ptr<ProcessProtocol> protocol,
         std::string name, const SpawnSettings& settings)
      : processes_(processes),
        id_(id),
        name_(std::move(name)),
        most_queued_(settings.stdin_bytes),
        leads_group_(settings.new_session),
        protocol_(std::move(protocol)),
        child_(std::move(spawned.child)) {
    pipes_[in].descriptor = std::move(spawned.input);
    pipes_[out].descriptor = std::move(spawned.output);
    pipes_[err].descriptor = std::move(spawned.error);
    for (Pipe& pipe : pipes_) pipe.told = !pipe.descriptor;
    protocol_->transport_ = this;
  }

  void write(std::string_view bytes) override {
    if (!open(in) || closing_stdin_ || bytes.empty()) return;
    if (bytes.size() > most_queued_ - queued()) {
      throw std::length_error(concat("write to the stdin of ", name_, ": ", bytes.size(),
                                     " bytes more than the ", queued(),
                                     " that wait already are over the limit of ", most_queued_,
                                     " (SpawnSettings::stdin_bytes; pause_writing says when to stop)"));
    }
    queue_.append(bytes);
    update(in);
    if (under_pressure() != told_pressure_) soon();
  }
  std::size_t queued() const override { return queue_.size() - sent_; }
  void close_stdin() override {
    if (!open(in)) return;
    closing_stdin_ = true;
    if (queued() == 0) close(in);
  }
  void close_stdout() override { close(out); }
  void close_stderr() override { close(err); }
  void lose_connection() override {
    close_stdin();
    close_stdout();
    close_stderr();
  }
  void pause_reading() override { set_reading(false); }
  void resume_reading() override { set_reading(true); }
  bool reading() const override { return reading_; }
  bool signal(Signal signal) override { return child_.signal(number_of(signal)); }
  bool kill() override { return child_.kill(); }
  bool signal_group(Signal signal) override {
    require_group("signal_group");
    return child_.signal_group(number_of(signal));
  }
  bool kill_group() override {
    require_group("kill_group");
    return child_.kill_group();
  }
  void kill_whole() { leads_group_ ? child_.kill_group() : child_.kill(); }
  int pid() const override { return child_.pid(); }

  // From the loop.

  void start() {
    if (std::exchange(made_, true)) return;
    call([](ProcessProtocol& protocol) { protocol.connection_made(); });
    const bool well = loop().call([this] {
      ask_for_exit();
      for (const Which which : {in, out, err}) {
        if (open(which)) watch(which);
      }
    });
    if (!well) abort();
  }

  // Tells what has become so, each once. True when all is told.
  bool settle() {
    settling_ = false;
    if (!made_) return false;
    if (open(in) && under_pressure() != told_pressure_) {
      told_pressure_ = !told_pressure_;
      call([this](ProcessProtocol& protocol) {
        told_pressure_ ? protocol.pause_writing() : protocol.resume_writing();
      });
    }
    tell_end(in, &ProcessProtocol::in_ended);
    tell_end(out, &ProcessProtocol::out_ended);
    tell_end(err, &ProcessProtocol::err_ended);
    if (status_ && status_ != left_running && !std::exchange(told_exit_, true)) {
      call([this](ProcessProtocol& protocol) { protocol.process_exited(*status_); });
    }
    if (!status_ || !told(in) || !told(out) || !told(err)) return false;
    call([this](ProcessProtocol& protocol) { protocol.process_ended(*status_); });
    return true;
  }

  // The reactor stops, or goes on in a copy of the process.
  void leave() {
    start();
    shut_all();
    exit_watch_.stop();
    if (!status_) status_ = child_.ours() ? child_.poll().value_or(left_running) : left_running;
  }

  bool ours() const { return child_.ours(); }
  // It is not to outlive its owner.
  void own() { owned_ = true; }
  bool owned() const { return owned_ && child_.ours(); }
  // To learn when a child of ours that still runs has ended.
  Descriptor another_descriptor() const { return child_.another_descriptor(); }
  // Nobody is told any more.
  void drop() {
    for (Pipe& pipe : pipes_) pipe.watch.stop();
    exit_watch_.stop();
    if (owned()) kill_whole();
  }

 private:
  enum Which : std::size_t { in, out, err };
  struct Pipe {
    Descriptor descriptor{};
    Watching watch{};
    bool told = false;  // that it has ended
  };

  Loop& loop() const { return processes_.reactor_.loop(); }
  void require_group(std::string_view call) const {
    if (leads_group_) return;
    throw std::logic_error(
        concat(call, ": ", name_,
               " is in the process group of this program; to give it one of its own, start "
               "it with SpawnSettings::new_session"));
  }
  bool open(Which which) const { return static_cast<bool>(pipes_[which].descriptor); }
  bool told(Which which) const { return pipes_[which].told; }
  bool under_pressure() const {
    return queued() > (told_pressure_ ? processes_.limits_.low_water : processes_.limits_.high_water);
  }

  template <class Call>
  void call(Call call_protocol) {
    if (!loop().call([&] { call_protocol(*protocol_); })) abort();
  }
  void abort() {
    kill();
    shut_all();
  }
  void tell_end(Which which, void (ProcessProtocol::*ended)()) {
    if (open(which) || std::exchange(pipes_[which].told, true)) return;
    call([ended](ProcessProtocol& protocol) { (protocol.*ended)(); });
  }

  Watching watch(int descriptor, Interest wanted, Act act) {
    const auto ready = [&processes = processes_, id = id_, act](Interest) { processes.from_loop(id, act); };
    return processes_.reactor_.watch(descriptor, wanted, ready);
  }
  void watch(Which which) {
    Pipe& pipe = pipes_[which];
    if (which != in) {
      pipe.watch =
          watch(pipe.descriptor.get(), wanted(which), which == out ? &Record::read_out : &Record::read_err);
      return;
    }
    pipe.watch = processes_.reactor_.watch(
        pipe.descriptor.get(), wanted(in), [&processes = processes_, id = id_](Interest ready) {
          processes.from_loop(id, has(ready, Interest::read) ? &Record::stdin_closed : &Record::send);
        });
  }
  // Of our end of its stdin nothing can be read: it is ready for that when the other end is gone.
  Interest wanted(Which which) const {
    if (which == in) return queued() != 0 ? Interest::both : Interest::read;
    return reading_ ? Interest::read : Interest::none;
  }
  void update(Which which) {
    if (open(which)) pipes_[which].watch.change(wanted(which));
  }
  void set_reading(bool on) {
    reading_ = on;
    update(out);
    update(err);
  }

  void close(Which which) {
    if (!open(which)) return;
    pipes_[which].watch.stop();
    pipes_[which].descriptor.reset();
    soon();
  }
  void shut_all() {
    for (const Which which : {in, out, err}) close(which);
  }
  void soon() {
    if (!std::exchange(settling_, true)) processes_.soon(id_, &Record::nothing);
  }
  void nothing() {}

  void stdin_closed() { close(in); }
  void send() {
    if (!child_.ours()) return;
    const Result<std::size_t> taken =
        write_pipe(pipes_[in].descriptor.get(), std::string_view(queue_).substr(sent_));
    if (!taken) {
      if (!nothing_yet(taken.error())) close(in);
      return;
    }
    sent_ += *taken;
    if (sent_ == queue_.size() || sent_ > queue_.size() / 2) {
      queue_.erase(0, sent_);
      sent_ = 0;
    }
    if (closing_stdin_ && queued() == 0) return close(in);
    update(in);
  }
  void read_out() { read(out); }
  void read_err() { read(err); }
  void read(Which which) {
    if (!child_.ours()) return;  // what comes is for the process that has started it
    const std::span<char> memory = processes_.buffer();
    const Result<std::size_t> count = read_pipe(pipes_[which].descriptor.get(), memory);
    if (!count && nothing_yet(count.error())) return;
    if (!count || *count == 0) return close(which);
    call([&](ProcessProtocol& protocol) {
      which == out ? protocol.out_received(memory.first(*count))
                   : protocol.err_received(memory.first(*count));
    });
  }
  // Its descriptor is closed by the answer, so the watch ends before it. A child that was gone before its
  // descriptor could be taken has none to be watched, and its answer at once.
  void ask_for_exit() {
    if (!child_.ours()) return;  // `leave` is to come
    exit_watch_.stop();
    status_ = child_.poll();
    if (!status_) exit_watch_ = watch(child_.fileno(), Interest::read, &Record::ask_for_exit);
  }

  Processes& processes_;
  const EntryId id_;
  const std::string name_;
  const std::size_t most_queued_;
  const bool leads_group_;
  std::unique_ptr<ProcessProtocol> protocol_;
  Child child_;
  std::array<Pipe, 3> pipes_;
  Watching exit_watch_;
  std::string queue_;     // for its stdin
  std::size_t sent_ = 0;  // of the queue
  std::optional<ProcessStatus> status_;
  bool made_ = false;
  bool reading_ = true;
  bool closing_stdin_ = false;
  bool told_pressure_ = false;
  bool told_exit_ = false;
  bool settling_ = false;
  bool owned_ = false;
};

// Says when a child ends that nobody is told about. Its descriptor is one more: whoever starts the next child
// may wait for this one first, and close the child's own.
struct Processes::Left {
  Descriptor descriptor;
  Watching watching;

  explicit Left(Descriptor of) : descriptor(std::move(of)) {}
  ~Left() { watching.stop(); }
  Left(const Left&) = delete;
  Left& operator=(const Left&) = delete;
};

Processes::Processes(Reactor& reactor, const Limits& limits) : reactor_(reactor), limits_(limits) {}
Processes::~Processes() = default;

Spawned Processes::start(const ProcessProtocol* protocol, const std::vector<std::string>& arguments,
                         const SpawnSettings& settings) const {
  if (protocol == nullptr) throw std::invalid_argument("spawn_process: no protocol was given");
  if (reactor_.loop().stopping()) {
    throw std::system_error(
        std::make_error_code(std::errc::operation_canceled),
        concat("spawn ", arguments.empty() ? "" : arguments.front(), ": the reactor stops"));
  }
  return parley::spawn(arguments, settings);
}

Process Processes::keep(Spawned spawned, std::unique_ptr<ProcessProtocol> protocol, const std::string& name,
                        const SpawnSettings& settings) {
  const EntryId id = records_.next();
  records_.add(std::make_unique<Record>(*this, id, std::move(spawned), std::move(protocol), name, settings));
  arm();
  soon(id, &Record::start);
  return {this, id};
}

Process Processes::spawn(std::unique_ptr<ProcessProtocol> protocol, const std::vector<std::string>& arguments,
                         const SpawnSettings& settings) {
  Spawned spawned = start(protocol.get(), arguments, settings);
  return keep(std::move(spawned), std::move(protocol), arguments.front(), settings);
}

std::pair<Process, Processes::Pipes> Processes::spawn_apart(std::unique_ptr<ProcessProtocol> protocol,
                                                            const std::vector<std::string>& arguments,
                                                            const SpawnSettings& settings) {
  Spawned spawned = start(protocol.get(), arguments, settings);
  Pipes pipes{std::move(spawned.input), std::move(spawned.output), std::move(spawned.error)};
  const Process process = keep(std::move(spawned), std::move(protocol), arguments.front(), settings);
  records_.find(process.id_)->own();
  return {process, std::move(pipes)};
}

void Processes::kill(const Process& process) {
  if (Record* const record = records_.find(process.id_)) record->kill_whole();
}

ProcessTransport* Processes::find(EntryId id) const {
  return records_.find(id);
}

void Processes::drop() {
  const Registry<Record> dropped = std::exchange(records_, {});  // a protocol may cancel a timer as it goes
  for (const EntryId id : dropped.ids()) dropped.find(id)->drop();
  left_ = {};
  hold_ = {};
}

void Processes::from_loop(EntryId id, Act act) {
  Record* const record = records_.find(id);
  if (record == nullptr) return;
  (record->*act)();
  if (!record->settle()) return;
  if (Descriptor running = record->another_descriptor()) watch_left(std::move(running));
  const std::unique_ptr<Record> ended = records_.take(id);  // a protocol may do anything as it goes
  if (records_.empty()) hold_ = {};
}

// Where it cannot be watched, the next child that is started has it waited for.
void Processes::watch_left(Descriptor running) {
  auto left = std::make_unique<Left>(std::move(running));
  try {
    left->watching =
        reactor_.watch(left->descriptor.get(), Interest::read, [this, id = left_.next()](Interest) {
          left_.take(id);
          Child::wait_for_dropped();
        });
  } catch (const SocketError&) {
    return;
  }
  left_.add(std::move(left));
}

void Processes::soon(EntryId id, Act act) {
  reactor_.post([this, id, act] { from_loop(id, act); });
}

void Processes::arm() {
  if (std::exchange(armed_, true)) return;
  reactor_.on_stop(Stopping::during, [this](Hold hold) { stop_all(std::move(hold)); });
  reactor_.on_stop(Stopping::after, [this] {
    armed_ = false;
    leave_all();
  });
}

void Processes::renew() {
  for (const EntryId id : records_.ids()) {
    if (!records_.find(id)->ours()) soon(id, &Record::leave);
  }
}

// Those that have an owner are killed, and waited for until the stop is late; the others run on.
void Processes::stop_all(Hold hold) {
  hold_ = std::move(hold);
  for (const EntryId id : records_.ids()) {
    Record* const record = records_.find(id);
    if (record == nullptr) continue;
    record->owned() ? record->kill_whole() : from_loop(id, &Record::leave);
  }
  if (records_.empty()) hold_ = {};
}

void Processes::leave_all() {
  while (!records_.empty()) {
    for (const EntryId id : records_.ids()) from_loop(id, &Record::leave);
  }
}

std::span<char> Processes::buffer() {
  if (buffer_ == nullptr) buffer_ = std::make_unique<char[]>(limits_.read_bytes);
  return {buffer_.get(), limits_.read_bytes};
}

ProcessTransport* Process::transport() const {
  return processes_ == nullptr ? nullptr : processes_->find(id_);
}

Process spawn_process(Reactor& reactor, std::unique_ptr<ProcessProtocol> protocol,
                      const std::vector<std::string>& arguments, const SpawnSettings& settings) {
  return reactor.events().processes.spawn(std::move(protocol), arguments, settings);
}

}  // namespace parley
