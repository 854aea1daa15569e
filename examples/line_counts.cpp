// Counts the lines of files, in threads, two at a time, and says each as it is done: line_counts FILE...

#include <algorithm>
#include <fstream>
#include <iostream>

#include <parley/stream.h>

using namespace parley;

Task<long> lines(std::string path, Semaphore& at_a_time) {
  const Permit permit = co_await at_a_time.acquire();  // given back when it goes
  const auto count = [path] {
    std::ifstream file(path);
    if (!file) throw std::runtime_error("cannot be read");
    return std::count(std::istreambuf_iterator<char>(file), {}, '\n');
  };
  co_return co_await to_thread(count);  // which may block
}

Task<> count_all(std::vector<std::string> paths) {
  Semaphore at_a_time(2);
  std::vector<Task<long>> tasks(paths.size());
  for (std::size_t i = 0; i < paths.size(); ++i) tasks[i] = lines(paths[i], at_a_time);
  AsCompleted<long> coming(std::move(tasks));
  while (auto next = co_await coming.next()) {
    auto& [which, outcome] = *next;
    try {
      const long count = outcome.get();
      std::cout << paths[which] << ": " << count << std::endl;
    } catch (const std::runtime_error& error) {
      std::cout << paths[which] << ": " << error.what() << std::endl;
    }
  }
}

int main(int argc, char** argv) {
  run(count_all({argv + 1, argv + argc}));
}
