#include "chat/config/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <optional>
#include <string_view>
#include <vector>

#include "chat/config/file.h"
#include "chat/config/keys.h"
#include "chat/config/listener.h"
#include "chat/config/nearest.h"
#include "parley/base/print.h"

namespace chat {
namespace {

// What the options say, before it is looked at.
struct Options {
  std::string config;
  std::vector<std::string> listen;
  std::string reactor;
  std::string log_level;
  std::string flush_interval;
  TlsConfig tls;
  bool quiet = false;
};

void declare(CLI::App& app, Options& options) {
  app.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  app.set_version_flag("--version", "parleyd " PARLEY_VERSION);
  app.add_option("--config", options.config, "The configuration file (TOML); the options below count more")
      ->type_name("FILE");
  app.add_option("--listen", options.listen,
                 "Where to listen, in place of the file's listeners: line://127.0.0.1:2626 (the default), "
                 "line://[::]:2626, line+tls://[::]:2627, line+unix:/path.sock; may be given several times")
      ->type_name("URL")
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->allow_extra_args(false);
  app.add_option("--tls-cert", options.tls.cert,
                 "The certificate of line+tls:// listeners, with those that it is signed by (PEM)")
      ->type_name("FILE");
  app.add_option("--tls-key", options.tls.key, "Its key, where that is not in the same file")
      ->type_name("FILE");
  app.add_option("--client-ca", options.tls.client_ca,
                 "Whoever comes to a line+tls:// listener must show a certificate of these authorities")
      ->type_name("FILE");
  app.add_option("--reactor", options.reactor, "What to wait with: auto (the default), epoll, poll, select")
      ->type_name("KIND");
  app.add_option("--log-level", options.log_level, "trace, debug, info (the default), warn, error")
      ->type_name("LEVEL");
  app.add_option("--flush-interval", options.flush_interval,
                 "Gather what is sent for so long, as in 10ms; 0ms (the default): each turn")
      ->type_name("TIME");
  app.add_flag("--quiet", options.quiet, "Do not write the conversation to stdout");
  app.allow_extras();
}

std::string nearest_option(const CLI::App& app, std::string_view word) {
  std::string nearest;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) {
      const std::string full = "--" + name;
      if (nearest.empty() || distance(word, full) < distance(word, nearest)) nearest = full;
    }
  }
  return nearest;
}

[[noreturn]] void refuse(const CLI::App& app, std::string_view word) {
  if (!word.starts_with('-')) {
    throw ConfigError(parley::concat("\"", word, "\" is no option; parleyd --help lists them"));
  }
  const std::string_view name = word.substr(0, word.find('='));
  throw ConfigError(parley::concat("unknown option ", name, "; the nearest is ", nearest_option(app, name),
                                   ", parleyd --help lists them all"));
}

std::optional<Value> value_of(const std::string& text, Type type) {
  if (type == Type::time) return parse_time(text);
  return text;
}

// An option that says the same as a key of the file.
void set(Settings& settings, std::string_view option, const std::string& text, const Key& key) {
  const std::optional<Value> value = value_of(text, key.type);
  const std::string why = value ? objection(key, *value) : parley::concat("must be ", expectation(key));
  if (!value || !why.empty()) throw ConfigError(parley::concat(option, " ", text, ": ", why));
  key.set(settings, *value);
}

// The certificate of the command line's listeners; nothing where it names none. Whoever names one does not
// want to be reached in clear.
std::optional<TlsConfig> tls_of(const CLI::App& app, const Options& options) {
  const auto given = [&](const char* option) { return app.count(option) > 0; };
  if (!given("--tls-cert") && !given("--tls-key") && !given("--client-ca")) return std::nullopt;
  if (options.tls.cert.empty()) {
    throw ConfigError("--tls-key and --client-ca are nothing without --tls-cert FILE");
  }
  if (std::none_of(options.listen.begin(), options.listen.end(), wants_tls)) {
    throw ConfigError("--tls-cert is for --listen line+tls://ADDRESS:PORT, and there is none");
  }
  return options.tls;
}

Invocation read(int argc, const char* const* argv, Config (*read_file)(const std::string& path)) {
  CLI::App app("parleyd, the Parley chat server", "parleyd");
  Options options;
  declare(app, options);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    return {{}, app.help()};
  } catch (const CLI::CallForVersion& version) {
    return {{}, std::string(version.what()) + "\n"};
  } catch (const CLI::ParseError& error) {
    throw ConfigError(parley::concat(error.what(), "; parleyd --help lists the options"));
  }
  if (const auto rest = app.remaining(); !rest.empty()) refuse(app, rest.front());

  Settings settings;
  if (app.count("--config") > 0) settings.config = read_file(options.config);
  const auto given = [&](const char* option) { return app.count(option) > 0; };
  if (given("--reactor")) set(settings, "--reactor", options.reactor, *find_key("server", "reactor"));
  if (given("--log-level")) set(settings, "--log-level", options.log_level, *find_key("log", "level"));
  if (given("--flush-interval")) {
    set(settings, "--flush-interval", options.flush_interval, *find_key("server", "flush_interval"));
  }
  if (options.quiet) settings.config.chat = false;
  const std::optional<TlsConfig> tls = tls_of(app, options);
  if (!options.listen.empty()) {
    settings.config.listeners.clear();
    for (const std::string& url : options.listen) {
      settings.config.listeners.push_back(listener_from_url(url, tls));
    }
  }
  return {std::move(settings.config), {}};
}

}  // namespace

Invocation read_command_line(int argc, const char* const* argv) {
  return read(argc, argv, read_config);
}

Config reread_command_line(int argc, const char* const* argv) {
  return read(argc, argv, reread_config).config;
}

}  // namespace chat
