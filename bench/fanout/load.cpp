// The load: connects many clients to a chat server on 127.0.0.1, lets some of them talk, checks what
// everybody receives, and prints one line of JSON.
//
//   fanout_load closed --port P --pid PID --clients N --senders S --window W [--cpu-seconds 1] [--max-seconds
//   20]
//     Each sender keeps W messages in flight: a message is in flight until every other client has it.
//     First some rounds to warm up, with windows of 1, 2, 4 .. W; then until the server has used its CPU
//     seconds, then until nothing is in flight: it begins and ends at rest, so whole messages are counted.
//   fanout_load rate --port P --pid PID --clients N --senders S --rate R [--seconds 10]
//     R messages a second altogether, sent when they are due, whether or not the server follows. Latency
//     counts from when a message was due.
//   fanout_load slow --port P --pid PID --clients N --senders S --window W [--seconds 5] [--stuck A]
//   [--dripping B] [--bursting C]
//     As closed, for so many seconds; beside the N clients there are A + B + C that read not at all, 1 KiB
//     each 0.1 s, or all there is for a tenth of each second. These do not send, and are not counted.
//   fanout_load flood --port P --pid PID --clients N [--speed 1000000] [--seconds 5] [--warm-up 7]
//   [--halved A] [--stuck B] [--dripping C] [--bursting D]
//     One client sends short lines as fast as the server takes them. N read that many bytes a second, or up
//     to a tenth less: slower than the server could be, so that all are behind. Beside them A read half as
//     fast, and B + C + D as above. Prints what the N got, each on average, after the warm-up, and how many
//     of them were cut off.
//   fanout_load idle --port P --pid PID --clients N
//     The server's memory with no client, with a tenth, and with all of them, each time at rest.
//
// PID is the server's. Exit status 0: the JSON holds the result, good or bad; 1: it could not be measured.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "bench/fanout/checker.h"
#include "bench/fanout/crowd.h"
#include "bench/fanout/meter.h"
#include "bench/fanout/odd_readers.h"
#include "bench/fanout/sockets.h"

namespace bench {
namespace {

constexpr double second = 1e9;
constexpr std::uint64_t patience = 3'000'000'000;  // without a delivery: what has not come is lost

class Options {
 public:
  Options(int argc, char** argv) {
    for (int i = 2; i + 1 < argc; i += 2) values_[argv[i]] = std::strtod(argv[i + 1], nullptr);
  }
  double number(const std::string& name, double otherwise = 0) const {
    const auto found = values_.find(name);
    return found == values_.end() ? otherwise : found->second;
  }
  std::size_t count(const std::string& name) const {
    const double value = number(name);
    if (value < 1) throw std::runtime_error(name + " is missing");
    return static_cast<std::size_t>(value);
  }

 private:
  std::map<std::string, double> values_;
};

std::vector<Origin> choose_senders(const Crowd& crowd, std::size_t clients, std::size_t count) {
  std::vector<Origin> origins;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t client = i * clients / count;
    origins.push_back({client, crowd.name(client)});
  }
  return origins;
}

// Some senders among a settled crowd, what they have still to send, and the checker of it all.
class Conversation {
 public:
  // Among the first so many of the crowd.
  Conversation(Crowd& crowd, std::size_t clients, std::size_t senders, std::size_t window)
      : crowd_(crowd),
        origins_(choose_senders(crowd, clients, senders)),
        unsent_(senders),
        window_(window),
        checker_(origins_, clients, window) {}

  Checker& checker() { return checker_; }
  bool full(std::size_t sender) const { return checker_.in_flight(sender) >= window_; }
  bool stalled() const { return now() > last_delivery_ + patience; }

  // Notes a message of a sender; it leaves with the next send.
  void say(std::size_t sender, std::uint64_t time) { checker_.write(sender, time, unsent_[sender]); }

  void send() {
    for (std::size_t i = 0; i < unsent_.size(); ++i) {
      if (!unsent_[i].empty()) crowd_.send(origins_[i].client, unsent_[i]);
    }
  }

  void receive(int timeout_ms) {
    crowd_.turn(timeout_ms, [this](std::size_t client, std::string_view bytes, std::uint64_t time) {
      checker_.receive(client, bytes, time);
      last_delivery_ = time;
    });
  }

  // Keeps every sender's window full until then; calls `also` between.
  template <typename Also>
  void talk_until(std::uint64_t deadline, Also also) {
    while (now() < deadline) {
      fill(window_);
      send();
      receive(10);
      also();
    }
  }

  // Keeps every sender's window full until the server has used so much CPU.
  void talk(const ProcessMeter& server, std::uint64_t cpu, std::uint64_t deadline) {
    cpu += server.cpu();
    while (server.cpu() < cpu && now() < deadline && !stalled()) {
      fill(window_);
      send();
      receive(100);
    }
  }

  // One round after the other, until the server has used so much CPU: each sender says 1 message, then 2, 4
  // .. a full window, and all is received before the next round. Where a message costs much, few are enough.
  void warm_up(const ProcessMeter& server, std::uint64_t cpu) {
    cpu += server.cpu();
    for (std::size_t window = 1; server.cpu() < cpu && !stalled(); window = std::min(2 * window, window_)) {
      fill(window);
      drain();
    }
  }

  // Receives until nothing is in flight; false if something never comes, or not within so many seconds.
  bool drain(double limit = 120) {
    const std::uint64_t deadline = now() + static_cast<std::uint64_t>(limit * second);
    while (!checker_.nothing_in_flight() && !stalled() && now() < deadline) {
      send();
      receive(100);
    }
    return checker_.nothing_in_flight();
  }

 private:
  void fill(std::size_t window) {
    for (std::size_t i = 0; i < origins_.size(); ++i) {
      const std::uint64_t time = now();
      while (checker_.in_flight(i) < window) say(i, time);
    }
  }

  Crowd& crowd_;
  std::vector<Origin> origins_;
  std::vector<std::string> unsent_;
  std::size_t window_;
  Checker checker_;
  std::uint64_t last_delivery_ = now();
};

// CPU, deliveries and time since a moment of rest, and their line of JSON.
class Measurement {
 public:
  Measurement(const ProcessMeter& server, Checker& checker)
      : server_(server), checker_(checker), cpu_(server.cpu()), load_cpu_(load_.cpu()) {
    checker.latency().clear();
  }

  void print(const std::string& more) {
    const double wall = static_cast<double>(now() - begin_);
    const double cpu = static_cast<double>(server_.cpu() - cpu_);
    const double load = static_cast<double>(load_.cpu() - load_cpu_);
    const double deliveries = static_cast<double>(checker_.deliveries() - deliveries_);
    const double reads = static_cast<double>(checker_.reads() - reads_);
    const auto microseconds = [this](double share) {
      return static_cast<double>(checker_.latency().percentile(share)) / 1000;
    };
    std::printf(
        "{\"cpu_ns_per_delivery\": %.3f, \"deliveries_per_second\": %.0f, \"p50_us\": %.1f, \"p99_us\": "
        "%.1f, "
        "\"lost\": %llu, \"reordered\": %llu, \"cut\": %llu, \"deliveries\": %.0f, \"lines_per_read\": %.2f, "
        "\"cpu_s\": %.4f, \"wall_s\": %.4f, \"server_share\": %.4f, \"load_share\": %.4f%s}\n",
        cpu / std::max(1.0, deliveries), deliveries / wall * second, microseconds(0.5), microseconds(0.99),
        static_cast<unsigned long long>(checker_.lost()),
        static_cast<unsigned long long>(checker_.reordered()),
        static_cast<unsigned long long>(checker_.cut()), deliveries, deliveries / std::max(1.0, reads),
        cpu / second, wall / second, cpu / wall, load / wall, more.c_str());
  }

 private:
  const ProcessMeter& server_;
  Checker& checker_;
  ProcessMeter load_{::getpid()};
  std::uint64_t begin_ = now();
  std::uint64_t cpu_;
  std::uint64_t load_cpu_;
  std::uint64_t deliveries_ = checker_.deliveries();
  std::uint64_t reads_ = checker_.reads();
};

void closed(const Options& options, Crowd& crowd, const ProcessMeter& server) {
  const double cpu = options.number("--cpu-seconds", 1) * second;
  const double wall = options.number("--max-seconds", 20) * second;
  Conversation talk(crowd, crowd.size(), options.count("--senders"), options.count("--window"));
  talk.warm_up(server, static_cast<std::uint64_t>(cpu * 0.3));
  Measurement measurement(server, talk.checker());
  talk.talk(server, static_cast<std::uint64_t>(cpu), now() + static_cast<std::uint64_t>(wall));
  if (!talk.drain() && !talk.stalled())
    throw std::runtime_error("messages are in flight for over two minutes");
  measurement.print("");
}

void rate(const Options& options, Crowd& crowd, const ProcessMeter& server) {
  const std::size_t senders = options.count("--senders");
  const double interval = second / options.number("--rate", 10'000);
  const auto total = static_cast<std::uint64_t>(options.number("--seconds", 10) * second / interval);
  Conversation talk(crowd, crowd.size(), senders, 4096);
  Measurement measurement(server, talk.checker());
  const std::uint64_t begin = now();
  const auto due = [&](std::uint64_t i) {
    return begin + static_cast<std::uint64_t>(static_cast<double>(i) * interval);
  };
  // A sender with 4096 messages in flight is seconds behind: the server does not keep up.
  bool kept_up = true;
  for (std::uint64_t i = 0; i < total && kept_up && !talk.stalled();) {
    for (; i < total && due(i) <= now() && kept_up; ++i) {
      kept_up = !talk.full(i % senders);
      if (kept_up) talk.say(i % senders, due(i));
    }
    talk.send();
    talk.receive(0);
  }
  const std::uint64_t end = now();
  kept_up = talk.drain(5) && kept_up;
  const double lag_ms = static_cast<double>(now() - end) / 1e6;
  kept_up = kept_up && lag_ms < 100;
  measurement.print(", \"lag_ms\": " + std::to_string(lag_ms) +
                    ", \"kept_up\": " + (kept_up ? "true" : "false"));
}

void slow(const Options& options, Crowd& crowd, const ProcessMeter& server) {
  const std::size_t clients = options.count("--clients");
  const auto some = [&](const char* name) { return static_cast<std::size_t>(options.number(name)); };
  crowd.grow(clients + some("--stuck") + some("--dripping") + some("--bursting"));
  crowd.settle(server);
  OddReaders odd(crowd, some("--stuck"), some("--dripping"), some("--bursting"));
  crowd.set_aside(odd.first());
  Conversation talk(crowd, clients, options.count("--senders"), options.count("--window"));
  for (std::size_t client = odd.first(); client < crowd.size(); ++client) {
    const std::string name = crowd.name(client);  // "[HOST:PORT] "
    talk.checker().expect("Client left " + name.substr(1, name.size() - 3) + "\r\n");
  }
  Measurement measurement(server, talk.checker());
  const auto time = static_cast<std::uint64_t>(options.number("--seconds", 5) * second);
  talk.talk_until(now() + time, [&] { odd.read(); });
  measurement.print("");
}

// Some who read one after the other, at speeds of their own, and what they get.
class PacedReaders {
 public:
  // The clients from `first` on; the slowest has nine tenths of the speed of the fastest.
  PacedReaders(Crowd& crowd, std::size_t first, std::size_t count, double bytes_per_second)
      : crowd_(crowd), first_(first) {
    for (std::size_t i = 0; i < count; ++i) {
      const double part = static_cast<double>(i) / static_cast<double>(std::max<std::size_t>(count - 1, 1));
      readers_.push_back({.speed = bytes_per_second * (0.9 + 0.1 * part)});
    }
  }

  void read() {
    const double seconds = static_cast<double>(now() - begin_) / second;
    for (std::size_t i = 0; i < readers_.size(); ++i) {
      Reader& reader = readers_[i];
      const double due = reader.speed * seconds - reader.read - reader.idle;
      if (reader.cut || due < 1) continue;
      const auto count = crowd_.read_aside(first_ + i, static_cast<std::size_t>(due));
      reader.cut = !count.has_value();
      reader.read += static_cast<double>(count.value_or(0));
      reader.idle += due - static_cast<double>(count.value_or(0));  // time that is over is not made up for
    }
  }
  // What counts is read from now on.
  void begin() {
    for (Reader& reader : readers_) reader.before = reader.read;
  }
  // By those who were not cut off.
  double bytes() const {
    double total = 0;
    for (const Reader& reader : readers_) total += reader.cut ? 0 : reader.read - reader.before;
    return total;
  }
  std::size_t cut() const {
    return static_cast<std::size_t>(
        std::count_if(readers_.begin(), readers_.end(), [](const Reader& reader) { return reader.cut; }));
  }

 private:
  struct Reader {
    double speed;
    double read = 0;
    double before = 0;
    double idle = 0;  // bytes that it could have read, and were not there
    bool cut = false;
  };

  Crowd& crowd_;
  std::size_t first_;
  std::uint64_t begin_ = now();
  std::vector<Reader> readers_;
};

void flood(const Options& options, Crowd& crowd, const ProcessMeter& server) {
  const std::size_t clients = options.count("--clients");
  const double speed = options.number("--speed", 1e6);
  const auto some = [&](const char* name) { return static_cast<std::size_t>(options.number(name)); };
  crowd.narrow(64 * 1024);
  crowd.grow(1 + clients + some("--halved") + some("--stuck") + some("--dripping") + some("--bursting"));
  crowd.settle(server);
  OddReaders odd(crowd, some("--stuck"), some("--dripping"), some("--bursting"));
  PacedReaders readers(crowd, 1, clients, speed);
  PacedReaders halved(crowd, 1 + clients, some("--halved"), speed / 2);
  crowd.set_aside(1);
  std::string lines;
  for (int i = 0; i < 1000; ++i) lines += "a line of a flood, as somebody pastes it into a chat by mistake\n";
  std::string unsent;
  // Until what the kernel takes for each has been read, nobody is behind.
  const auto warm_up = static_cast<std::uint64_t>(options.number("--warm-up", 7) * second);
  const auto time = static_cast<std::uint64_t>(options.number("--seconds", 5) * second);
  const std::uint64_t begin = now();
  while (now() < begin + warm_up + time) {
    if (now() < begin + warm_up) readers.begin();
    if (unsent.empty()) unsent = lines;
    crowd.send(0, unsent);
    readers.read();
    halved.read();
    odd.read();
    crowd.turn(1, [](std::size_t, std::string_view, std::uint64_t) {});
  }
  std::printf("{\"bytes_per_second\": %.0f, \"cut\": %zu}\n",
              readers.bytes() / static_cast<double>(time) * second / static_cast<double>(clients),
              readers.cut());
}

void idle(const Options& options, Crowd& crowd, const ProcessMeter& server) {
  const std::size_t clients = options.count("--clients");
  std::string line;
  for (const std::size_t count : {std::size_t{0}, clients / 10, clients}) {
    crowd.grow(count);
    crowd.settle(server);
    line += (line.empty() ? "" : ", ") + std::string("{\"clients\": ") + std::to_string(count) +
            ", \"rss_kib\": " + std::to_string(server.memory("Rss:")) +
            ", \"anonymous_kib\": " + std::to_string(server.memory("Anonymous:")) + "}";
  }
  std::printf("{\"memory\": [%s]}\n", line.c_str());
}

int run(int argc, char** argv) {
  const std::string_view mode = argc > 1 ? argv[1] : "";
  const Options options(argc, argv);
  raise_descriptor_limit();
  Crowd crowd(static_cast<int>(options.count("--port")));
  const ProcessMeter server(static_cast<pid_t>(options.count("--pid")));
  if (mode == "idle") return idle(options, crowd, server), 0;
  if (mode == "slow") return slow(options, crowd, server), 0;
  if (mode == "flood") return flood(options, crowd, server), 0;
  if (mode != "closed" && mode != "rate") throw std::runtime_error("closed, rate, slow, flood or idle?");
  crowd.grow(options.count("--clients"));
  crowd.settle(server);
  if (mode == "closed")
    closed(options, crowd, server);
  else
    rate(options, crowd, server);
  return 0;
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  try {
    return bench::run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "fanout_load: %s\n", error.what());
    return 1;
  }
}
