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
#include "parley/reactor/hosts_file.h"
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
                          format("resolver: ", what, ": ", std::string_view(ares_strerror(status))));
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
      throw std::invalid_argument(format("resolver: ", server, " is no name server's address"));
    csv += (csv.empty() ? "" : ",") + server;
  }
  return csv;
}

class AresResolver final : public Resolver {
 public:
  AresResolver(Reactor& reactor, const ResolverSettings& settings)
      : reactor_(reactor), hosts_file_(settings.hosts_file) {
    if (const int status = initialised(); status != ARES_SUCCESS) fail("c-ares", status);
    const std::string csv = joined(settings.servers);
    char names_only[] = "b";  // the hosts file is read here: it counts for both families at once
    ares_options options{};
    options.sock_state_cb = [](void* self, ares_socket_t socket, int readable, int writable) {
      static_cast<AresResolver*>(self)->watch(socket, readable != 0, writable != 0);
    };
    options.sock_state_cb_data = this;
    options.timeout =
        static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(settings.timeout).count());
    options.tries = settings.tries;
    options.lookups = names_only;
    const int mask = ARES_OPT_SOCK_STATE_CB | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS;
    if (const int status = ares_init_options(&channel_, &options, mask); status != ARES_SUCCESS)
      fail("c-ares", status);
    if (csv.empty()) return;
    if (ares_set_servers_ports_csv(channel_, csv.c_str()) != ARES_SUCCESS) {
      ares_destroy(channel_);
      throw std::invalid_argument(format("resolver: there is no name server's address in ", csv));
    }
  }

  // Calls nobody: the questions that are open end here, and nobody asks for what they say.
  ~AresResolver() override {
    asked_.clear();
    ares_destroy(channel_);
    for (auto& [socket, watching] : watched_) watching.stop();
    timer_.cancel();
    delivery_.cancel();
  }
  AresResolver(const AresResolver&) = delete;
  AresResolver& operator=(const AresResolver&) = delete;

  Id look_up(const std::string& host, Family family, Answered answered) override {
    const Id id = ++last_id_;
    asked_.emplace(id, std::move(answered));
    const std::vector<Address> known = addresses_in_hosts(hosts_file_, host);
    if (!known.empty()) {
      std::vector<Address> wanted;
      std::ranges::copy_if(known, std::back_inserter(wanted),
                           [&](const Address& address) { return address.family() == family; });
      finished(id, wanted.empty() ? Answer(reason_of(ARES_ENODATA)) : Answer(std::move(wanted)));
    } else if (host.find('\0') != std::string::npos) {
      finished(id, reason_of(ARES_EBADNAME));
    } else {
      ask(id, host, family);
    }
    return id;
  }

  void cancel(Id id) override { asked_.erase(id); }

 private:
  // What c-ares gives back with an answer.
  struct Question {
    AresResolver* resolver;
    Id id;
  };

  void ask(Id id, const std::string& host, Family family) {
    ares_addrinfo_hints hints{};
    hints.ai_family = domain_of(family);
    hints.ai_socktype = SOCK_STREAM;
    auto* const question = new Question{this, id};
    ares_getaddrinfo(
        channel_, host.c_str(), nullptr, &hints,
        [](void* asked, int status, int /*timeouts*/, ares_addrinfo* found) {
          const std::unique_ptr<Question> of(static_cast<Question*>(asked));
          const std::unique_ptr<ares_addrinfo, decltype(&ares_freeaddrinfo)> owned(found, ares_freeaddrinfo);
          of->resolver->finished(of->id, answer_of(status, found));
        },
        question);
    set_timer();
  }

  static Answer answer_of(int status, const ares_addrinfo* found) {
    if (status != ARES_SUCCESS) return reason_of(status);
    std::vector<Address> addresses;
    for (const ares_addrinfo_node* node = found->nodes; node != nullptr; node = node->ai_next) {
      const Address address = from_sockaddr(node->ai_addr, node->ai_addrlen);
      if (address.family() == Family::inet || address.family() == Family::inet6) addresses.push_back(address);
    }
    if (addresses.empty()) return reason_of(ARES_ENODATA);
    return addresses;
  }

  // Comes from anywhere inside c-ares: nobody may be called yet, least of all somebody who drops this.
  void finished(Id id, Answer answer) {
    if (!asked_.contains(id)) return;
    finished_.emplace_back(id, std::move(answer));
    if (!delivery_.active()) delivery_ = reactor_.call_later(Duration::zero(), [this] { deliver(); });
  }

  void deliver() {
    std::vector<std::pair<Id, Answer>> finished;
    finished.swap(finished_);
    const std::weak_ptr<void> alive = alive_;  // whoever is told may drop this
    for (auto& [id, answer] : finished) {
      if (alive.expired()) return;
      const auto asked = asked_.extract(id);
      if (asked) asked.mapped()(std::move(answer));
    }
  }

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
  std::string hosts_file_;
  ares_channel channel_ = nullptr;
  Id last_id_ = 0;
  std::map<Id, Answered> asked_;
  std::vector<std::pair<Id, Answer>> finished_;  // to be told
  std::map<int, Watching> watched_;
  Timer timer_;
  Timer delivery_;
  std::shared_ptr<void> alive_ = std::make_shared<char>();
};

}  // namespace

std::unique_ptr<Resolver> make_resolver(Reactor& reactor, const ResolverSettings& settings) {
  return std::make_unique<AresResolver>(reactor, settings);
}

}  // namespace parley
