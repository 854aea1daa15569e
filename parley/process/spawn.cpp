#include "parley/process/spawn.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include "parley/base/print.h"
#include "parley/socket/error.h"

namespace parley {

namespace {

// Of older headers.
constexpr long close_range_number = 436;
constexpr unsigned close_on_exec = 4;

[[noreturn]] void fail(std::string_view program, std::string_view what, int error) {
  const std::error_code reason(error, std::generic_category());
  throw std::system_error(reason, detail::with_remedy(concat("spawn ", program, what), reason));
}

// No number below 3: those are the child's to be.
Descriptor kept_high(Descriptor descriptor, std::string_view program) {
  if (descriptor && descriptor.get() > STDERR_FILENO) return descriptor;
  Descriptor high(descriptor ? ::fcntl(descriptor.get(), F_DUPFD_CLOEXEC, STDERR_FILENO + 1) : -1);
  if (!high) fail(program, ": no descriptor for its pipes", errno);
  return high;
}

struct Pipe {
  Descriptor reads;
  Descriptor writes;
};

Pipe make_pipe(std::string_view program) {
  std::array<int, 2> ends{-1, -1};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) fail(program, ": no descriptor for its pipes", errno);
  Pipe pipe{Descriptor(ends[0]), Descriptor(ends[1])};
  pipe.reads = kept_high(std::move(pipe.reads), program);
  pipe.writes = kept_high(std::move(pipe.writes), program);
  return pipe;
}

// What has gone wrong in the child, and where.
enum class Stage : int { stream, directory, program };
struct Failure {
  Stage stage;
  int error;
};

// All that the child needs. It is made before the fork: another thread may hold the allocator's lock then,
// and nothing may be allocated any more.
struct Plan {
  std::vector<std::string> texts;  // NAME=value
  std::vector<char*> arguments;
  std::vector<char*> environment;
  std::vector<std::string> places;  // of the program
  const char* directory = nullptr;
  std::array<int, 3> streams{-1, -1, -1};  // what becomes 0, 1 and 2; -1: what is there
  bool new_session = false;
  std::optional<rlim_t> descriptors{};  // its soft limit of them, where it is not ours
  int report = -1;

  [[noreturn]] void carry_out() const noexcept;

 private:
  [[noreturn]] void give_up(Stage stage, int error) const noexcept {
    const Failure failure{stage, error};
    [[maybe_unused]] const auto written = ::write(report, &failure, sizeof failure);
    ::_exit(127);
  }
};

void Plan::carry_out() const noexcept {
  struct sigaction standard{};
  standard.sa_handler = SIG_DFL;
  for (int number = 1; number < NSIG; ++number) ::sigaction(number, &standard, nullptr);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  if (new_session) ::setsid();
  if (rlimit limit{}; descriptors && ::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = *descriptors;
    ::setrlimit(RLIMIT_NOFILE, &limit);
  }
  for (int i = 0; i < 3; ++i) {
    const int stream = streams[static_cast<std::size_t>(i)];
    if (stream >= 0 && ::dup2(stream, i) < 0) give_up(Stage::stream, errno);
  }
  // What the program itself has opened without care. Where the kernel cannot, ours are closed all the same.
  ::syscall(close_range_number, 3U, ~0U, close_on_exec);
  if (directory != nullptr && ::chdir(directory) != 0) give_up(Stage::directory, errno);
  int error = ENOENT;
  for (const std::string& place : places) {
    ::execve(place.c_str(), arguments.data(), environment.data());
    // One that may not be run is worth telling, but a later one may do.
    if (errno != ENOENT && errno != ENOTDIR) error = errno;
    if (errno != ENOENT && errno != ENOTDIR && errno != EACCES) break;
  }
  give_up(Stage::program, error);
}

// No signal reaches this thread, nor the child until it has forgotten our handlers.
class SignalsHeld {
 public:
  SignalsHeld() {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsHeld() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsHeld(const SignalsHeld&) = delete;
  SignalsHeld& operator=(const SignalsHeld&) = delete;

 private:
  sigset_t before_;
};

void check_text(const std::string& text, std::string_view what) {
  if (text.find('\0') != std::string::npos) {
    throw std::invalid_argument(concat("spawn: ", what, " contains a null byte"));
  }
}

std::string search_path(const SpawnSettings& settings) {
  if (settings.env) {
    if (const auto found = settings.env->find("PATH"); found != settings.env->end()) return found->second;
  }
  const char* const ours = std::getenv("PATH");
  return ours == nullptr ? "/usr/local/bin:/usr/bin:/bin" : ours;
}

std::vector<std::string> places_of(const std::string& program, const SpawnSettings& settings) {
  if (program.find('/') != std::string::npos) return {program};
  std::vector<std::string> places;
  const std::string path = search_path(settings);
  for (std::size_t begin = 0; begin <= path.size();) {
    const std::size_t end = std::min(path.find(':', begin), path.size());
    const std::string folder = path.substr(begin, end - begin);
    places.push_back(concat(folder.empty() ? "." : folder, '/', program));
    begin = end + 1;
  }
  return places;
}

Plan plan_for(const std::vector<std::string>& arguments, const std::string& program,
              const SpawnSettings& settings) {
  Plan plan;
  for (const std::string& argument : arguments) {
    check_text(argument, "an argument");
    plan.arguments.push_back(const_cast<char*>(argument.c_str()));  // execve changes nothing
  }
  plan.arguments.push_back(nullptr);
  if (settings.env) {
    for (const auto& [name, value] : *settings.env) {
      if (name.empty() || name.find('=') != std::string::npos) {
        throw std::invalid_argument(concat("spawn: \"", name, "\" is no name of a variable"));
      }
      plan.texts.push_back(concat(name, '=', value));
      check_text(plan.texts.back(), "a variable");
    }
    for (std::string& text : plan.texts) plan.environment.push_back(text.data());
  } else {
    for (char** variable = ::environ; variable != nullptr && *variable != nullptr; ++variable) {
      plan.environment.push_back(*variable);
    }
  }
  plan.environment.push_back(nullptr);
  check_text(settings.cwd, "the working directory");
  if (!settings.cwd.empty()) plan.directory = settings.cwd.c_str();
  check_text(program, "the program's name");
  plan.places = places_of(program, settings);
  plan.new_session = settings.new_session;
  plan.descriptors = descriptor_limit_before();
  return plan;
}

// The child's end of one of its streams; ours is put into `ours`.
Descriptor stream_end(ChildStream kind, bool child_reads, Descriptor& ours, std::string_view program) {
  if (kind == ChildStream::inherit) return {};
  if (kind == ChildStream::null) {
    Descriptor null(::open("/dev/null", O_RDWR | O_CLOEXEC));
    if (!null) fail(program, ": /dev/null", errno);
    return kept_high(std::move(null), program);
  }
  Pipe pipe = make_pipe(program);
  ours = child_reads ? std::move(pipe.writes) : std::move(pipe.reads);
  ::fcntl(ours.get(), F_SETFL, ::fcntl(ours.get(), F_GETFL) | O_NONBLOCK);
  return child_reads ? std::move(pipe.reads) : std::move(pipe.writes);
}

// What the child reports before it runs its program, if anything: the pipe ends when that begins.
bool failed(const Descriptor& report, Failure& failure) {
  for (;;) {
    const auto count = ::read(report.get(), &failure, sizeof failure);
    if (count >= 0) return count == sizeof failure;
    if (errno != EINTR) return false;
  }
}

[[noreturn]] void tell(const Failure& failure, const std::string& program, const SpawnSettings& settings) {
  switch (failure.stage) {
    case Stage::stream:
      fail(program, ": its stdin, stdout and stderr", failure.error);
    case Stage::directory:
      fail(program, concat(": working directory ", settings.cwd), failure.error);
    case Stage::program:
      break;
  }
  fail(program, program.find('/') == std::string::npos ? " (looked for in PATH)" : "", failure.error);
}

}  // namespace

Spawned spawn(const std::vector<std::string>& arguments, const SpawnSettings& settings) {
  if (arguments.empty() || arguments.front().empty()) {
    throw std::invalid_argument("spawn: the first argument is the program to start, and there is none");
  }
  const std::string& program = settings.executable.empty() ? arguments.front() : settings.executable;
  Plan plan = plan_for(arguments, program, settings);
  Descriptor input, output, error;
  Pipe report = make_pipe(program);
  {
    const std::array<Descriptor, 3> theirs{stream_end(settings.input, true, input, program),
                                           stream_end(settings.output, false, output, program),
                                           stream_end(settings.error, false, error, program)};
    for (std::size_t i = 0; i < theirs.size(); ++i) plan.streams[i] = theirs[i].get();
    plan.report = report.writes.get();
    Child child = [&] {
      const SignalsHeld held;
      return Child([&plan]() -> int { plan.carry_out(); });
    }();
    report.writes.reset();
    if (Failure failure{}; failed(report.reads, failure)) {
      child.wait();
      tell(failure, program, settings);
    }
    return {std::move(child), std::move(input), std::move(output), std::move(error)};
  }
}

}  // namespace parley
