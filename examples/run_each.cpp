// Runs each line as a command, a few at a time, and says whose each line of output is: run_each 4 < COMMANDS

#include <cstdlib>
#include <iostream>

#include <parley/stream.h>

using namespace parley;

Task<> say(std::string command, Stream& output) {
  while (auto line = co_await output.read_line()) std::cout << command << ": " << *line << std::endl;
}

Task<> run_one(std::string command, Semaphore& at_a_time) {
  const Permit permit = co_await at_a_time.acquire();
  const std::vector<std::string> arguments{"/bin/sh", "-c", command};
  SpawnSettings settings;
  settings.input = ChildStream::null;
  settings.new_session = true;  // what the command has started goes with it
  ChildProcess child = co_await create_subprocess_exec(arguments, settings);
  co_await when_all(say(command, child.output()), say(command, child.error()));
  const ProcessStatus status = co_await child.wait();
  std::cout << command << ": " << status << std::endl;
}

Task<> run_each(std::vector<std::string> commands, std::size_t most) {
  Semaphore at_a_time(most);
  TaskGroup group;
  for (const std::string& command : commands) group.spawn(run_one(command, at_a_time));
  co_await group.join();
}

int main(int argc, char** argv) {
  std::vector<std::string> commands;
  for (std::string line; std::getline(std::cin, line);) commands.push_back(line);
  run(run_each(commands, argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 4));  // Ctrl-C kills those that run
}
