// The reactor's own resolver: c-ares over watches and a timer.

#include <algorithm>
#include <ares.h>
#include <map>
#include <memory>
#include <netdb.h>
#include <netinet/in.h>
#include <stdexcept>
#include <sys/time.h>
#include <utility>

#include "parley/base/print.h"
#include "parley/process/own_process.h"
#include "parley/reactor/connect/configuration_file.h"
#include "parley/reactor/connect/hosts_file.h"
#include "parley/reactor/loop/loop.h"
#include "parley/reactor/reactor.h"
#include "parley/reactor/resolver.h"
#include "parley/socket/error.h"
#include "parley/socket/sockaddr.h"

namespace parley {

namespace {

// c-ares's outcome in the words that `resolve` has for it.
std::error_code reason_of(int status) {
  switch (status) {
    case ARES_ENOTFOUND:
    case ARES_EBADNAME:
    case ARES_ENONAME:
      return {EAI_NONAME, resolve_category()};
    case ARES_ENODATA:
      return {EAI_NODATA, resolve_category()};
    case ARES_ENOMEM:
      return {EAI_MEMORY, resolve_category()};
    case ARES_ETIMEOUT:
      return std::make_error_code(std::errc::timed_out);
    case ARES_ESERVFAIL:
    case ARES_ECONNREFUSED:
      return {EAI_AGAIN, resolve_category()};
    default:
      return {EAI_FAIL, resolve_category()};
  }
}

[[noreturn]] void fail(std::string_view what, int status) {
  throw std::system_error(std::make_error_code(std::errc::resource_unavailable_try_again),
                          concat("resolver: ", what, ": ", std::string_view(ares_strerror(status))));
}

// c-ares wants to be initialised once in a process, before other threads are; that is a matter of ours.
int initialised() {
  static const int status = ares_library_init(ARES_LIB_INIT_ALL);
  return status;
}

std::string joined(const std::vector<std::string>& servers) {
  std::string csv;
  for (const std::string& server : servers) {
    if (server.find(',') != std::string::npos)
      throw std::invalid_argument(concat("resolver: ", server, " is no name server's address"));
    csv += (csv.empty() ? "" : ",") + server;
  }
  return csv;
}

// Of the family that was asked for: an IPv4-mapped IPv6 address is IPv4.
Resolver::Answer answer_of(int status, const ares_addrinfo* found, Family family) {
  if (status != ARES_SUCCESS) return reason_of(status);
  std::vector<Address> addresses;
  for (const ares_addrinfo_node* node = found->nodes; node != nullptr; node = node->ai_next) {
    const Address address = from_sockaddr(node->ai_addr, node->ai_addrlen);
    if (address.family() == family) addresses.push_back(address);
  }
  if (addresses.empty()) return reason_of(ARES_ENODATA);
  return addresses;
}

// c-ares with one configuration: the one of resolv.conf as it was when this was made. It asks the servers;
// its sockets and its timeouts are the reactor's to watch.
class Channel {
 public:
  using Answered = MoveOnlyFunction<void(Resolver::Answer)>;

  Channel(Reactor& reactor, const ResolverSettings& settings) : reactor_(reactor) {
    if (const int status = initialised(); status != ARES_SUCCESS) fail("c-ares", status);
    const std::string csv = joined(settings.servers);
    std::string resolv_conf = settings.resolv_conf;
    char names_only[] = "b";
    ares_options options{};
    options.sock_state_cb = [](void* self, ares_socket_t socket, int readable, int writable) {
      static_cast<Channel*>(self)->watch(socket, readable != 0, writable != 0);
    };
    options.sock_state_cb_data = this;
    options.timeout =
        static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(settings.timeout).count());
    options.tries = settings.tries;
    options.lookups = names_only;
    options.resolvconf_path = resolv_conf.data();
    options.udp_port = settings.port;
    options.tcp_port = settings.port;
    const int mask = ARES_OPT_SOCK_STATE_CB | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS |
                     ARES_OPT_RESOLVCONF | ARES_OPT_UDP_PORT | ARES_OPT_TCP_PORT;
    if (const int status = ares_init_options(&channel_, &options, mask); status != ARES_SUCCESS)
      fail("c-ares", status);
    if (csv.empty()) return;
    if (ares_set_servers_ports_csv(channel_, csv.c_str()) != ARES_SUCCESS) {
      ares_destroy(channel_);
      throw std::invalid_argument(concat("resolver: there is no name server's address in ", csv));
    }
  }
  // Never from inside a call of c-ares. Questions that are open end here, and tell so.
  ~Channel() {
    ares_destroy(channel_);
    for (auto& [socket, watching] : watched_) watching.stop();
    timer_.cancel();
  }
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  // `answered` is called once, also from inside this call, and always from inside c-ares.
  void ask(const std::string& host, Family family, Answered answered) {
    ares_addrinfo_hints hints{};
    hints.ai_family = domain_of(family);
    hints.ai_socktype = SOCK_STREAM;
    ++open_;
    ares_getaddrinfo(
        channel_, host.c_str(), nullptr, &hints,
        [](void* asked, int status, int /*timeouts*/, ares_addrinfo* found) {
          const std::unique_ptr<Question> of(static_cast<Question*>(asked));
          const std::unique_ptr<ares_addrinfo, decltype(&ares_freeaddrinfo)> owned(found, ares_freeaddrinfo);
          --of->channel->open_;
          of->answered(answer_of(status, found, of->family));
        },
        new Question{this, family, std::move(answered)});
    set_timer();
  }
  bool idle() const { return open_ == 0; }
  // False in a copy of the process that has made it.
  bool ours() const { return forks_ == fork_count(); }
  // Ends the questions that are open, and tells so.
  void close_sockets() { ares_cancel(channel_); }

 private:
  // What c-ares gives back with an answer.
  struct Question {
    Channel* channel;
    Family family;
    Answered answered;
  };

  // c-ares says what it waits for; nothing more means that it closes the socket.
  void watch(int socket, bool readable, bool writable) noexcept {
    const Interest wanted =
        (readable ? Interest::read : Interest::none) | (writable ? Interest::write : Interest::none);
    const auto known = watched_.find(socket);
    try {
      if (known == watched_.end()) {
        if (wanted == Interest::none) return;
        watched_[socket] =
            reactor_.watch(socket, wanted, [this, socket](Interest ready) { serve(socket, ready); });
      } else if (wanted == Interest::none) {
        known->second.stop();
        watched_.erase(known);
      } else {
        known->second.change(wanted);
      }
    } catch (const std::exception&) {
      watched_.erase(socket);  // select has no room for it: the question ends with its timeout
    }
  }

  void serve(int socket, Interest ready) {
    if (!ours()) return;  // the answer is for the process that has asked
    const auto of = [&](Interest what) {
      return (ready & what) != Interest::none ? socket : ARES_SOCKET_BAD;
    };
    process(of(Interest::read), of(Interest::write));
  }

  void process(ares_socket_t readable, ares_socket_t writable) {
    ares_process_fd(channel_, readable, writable);
    set_timer();
  }

  void set_timer() {
    timeval time{};
    timer_.cancel();
    if (ares_timeout(channel_, nullptr, &time) == nullptr) return;
    const auto after = std::chrono::seconds(time.tv_sec) + std::chrono::microseconds(time.tv_usec);
    // Rounded up, so that it does not come a moment early for nothing.
    timer_ = reactor_.call_later(after + std::chrono::milliseconds(1),
                                 [this] { process(ARES_SOCKET_BAD, ARES_SOCKET_BAD); });
  }

  Reactor& reactor_;
  ares_channel channel_ = nullptr;
  const std::uint32_t forks_ = fork_count();
  std::size_t open_ = 0;  // questions
  std::map<int, Watching> watched_;
  Timer timer_;
};

class AresResolver final : public Resolver {
 public:
  AresResolver(Reactor& reactor, const ResolverSettings& settings)
      : reactor_(reactor),
        settings_(settings),
        hosts_file_(settings.hosts_file),
        resolv_conf_(settings.resolv_conf),
        configuration_(resolv_conf_.read_if_changed().value_or("")),
        channel_(std::make_unique<Channel>(reactor, settings)),
        channel_configuration_(configuration_),
        renewal_(reactor.loop().on_renewal([this] { renew(); })) {}

  // Calls nobody: the questions that are open end here, and nobody asks for what they say.
  ~AresResolver() override {
    reactor_.loop().remove_renewal(renewal_);
    asked_.clear();
    retired_.clear();
    channel_.reset();
    delivery_.cancel();
  }
  AresResolver(const AresResolver&) = delete;
  AresResolver& operator=(const AresResolver&) = delete;

  Id look_up(const std::string& host, Family family, Answered answered) override {
    read_configuration();
    const Id id = ++last_id_;
    asked_.emplace(id, Asked{host, family, std::move(answered)});
    const std::vector<Address> known = hosts_.addresses_of(host);
    if (!known.empty()) {
      std::vector<Address> wanted;
      std::ranges::copy_if(known, std::back_inserter(wanted),
                           [&](const Address& address) { return address.family() == family; });
      finished(id, wanted.empty() ? Answer(reason_of(ARES_ENODATA)) : Answer(std::move(wanted)));
    } else if (host.find('\0') != std::string::npos) {
      finished(id, reason_of(ARES_EBADNAME));
    } else {
      ask_servers(id, host, family);
    }
    return id;
  }

  void cancel(Id id) override { asked_.erase(id); }

 private:
  struct Asked {
    std::string host;
    Family family;
    Answered answered;
  };

  void ask_servers(Id id, const std::string& host, Family family) {
    channel_->ask(host, family, [this, id](Answer answer) { finished(id, std::move(answer)); });
  }

  // In the child of a fork: what the servers say comes to sockets that the parent reads too. So whatever is
  // open is asked again, from new ones.
  void renew() {
    std::unique_ptr<Channel> renewed;
    try {
      renewed = std::make_unique<Channel>(reactor_, settings_);
    } catch (const std::system_error&) {  // what is open ends with an error; the next look-up tries again
      channel_->close_sockets();
      for (const auto& channel : retired_) channel->close_sockets();
      return;
    }
    std::map<Id, Asked> asked =
        std::exchange(asked_, {});  // so that nobody is told of the end of the old ones
    channel_ = std::move(renewed);
    retired_.clear();
    asked_ = std::move(asked);
    for (const auto& [id, question] : asked_) {
      const bool answered =
          std::ranges::find(finished_, id, &decltype(finished_)::value_type::first) != finished_.end();
      if (!answered) ask_servers(id, question.host, question.family);
    }
  }

  // Two calls of stat where nothing has changed, as the system's own resolver does it.
  //
  // The hosts file is parsed here and not by c-ares: that (1.18) knows no path but /etc/hosts, opens and
  // reads the file at each question, and looks for the family alone that is asked for, so that a name that
  // the file gives an IPv4 address would have its IPv6 addresses from a name server.
  void read_configuration() {
    if (const auto text = hosts_file_.read_if_changed()) hosts_ = HostsFile(*text);
    if (auto text = resolv_conf_.read_if_changed()) configuration_ = std::move(*text);
    if (configuration_ == channel_configuration_ && channel_->ours()) return;
    std::unique_ptr<Channel> renewed;
    try {
      renewed = std::make_unique<Channel>(reactor_, settings_);
    } catch (const std::system_error&) {
      return;  // no memory, or the file cannot be read: the old one goes on, and the next look-up tries again
    }
    // What was asked already is answered by those who were asked.
    if (!channel_->idle()) retired_.push_back(std::move(channel_));
    channel_ = std::move(renewed);
    channel_configuration_ = configuration_;
  }

  // Comes from anywhere inside c-ares: nobody may be called yet, least of all somebody who drops this, and no
  // channel may go.
  void finished(Id id, Answer answer) {
    if (asked_.contains(id)) finished_.emplace_back(id, std::move(answer));
    if (finished_.empty() && retired_.empty()) return;
    if (!delivery_.active()) delivery_ = reactor_.call_later(Duration::zero(), [this] { deliver(); });
  }

  void deliver() {
    std::erase_if(retired_, [](const std::unique_ptr<Channel>& channel) { return channel->idle(); });
    std::vector<std::pair<Id, Answer>> finished;
    finished.swap(finished_);
    const std::weak_ptr<void> alive = alive_;  // whoever is told may drop this
    for (auto& [id, answer] : finished) {
      if (alive.expired()) return;
      const auto asked = asked_.extract(id);
      if (asked) asked.mapped().answered(std::move(answer));
    }
  }

  Reactor& reactor_;
  const ResolverSettings settings_;
  ConfigurationFile hosts_file_;
  HostsFile hosts_;
  ConfigurationFile resolv_conf_;
  std::string configuration_;  // what resolv.conf says
  Id last_id_ = 0;
  std::map<Id, Asked> asked_;
  std::vector<std::pair<Id, Answer>> finished_;  // to be told
  std::unique_ptr<Channel> channel_;
  std::string channel_configuration_;              // what it said when that was made
  std::vector<std::unique_ptr<Channel>> retired_;  // of older configurations, with questions that are open
  Timer delivery_;
  EntryId renewal_;
  std::shared_ptr<void> alive_ = std::make_shared<char>();
};

}  // namespace

std::unique_ptr<Resolver> make_resolver(Reactor& reactor, const ResolverSettings& settings) {
  return std::make_unique<AresResolver>(reactor, settings);
}

}  // namespace parley
