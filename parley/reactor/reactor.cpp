#include "parley/reactor/reactor.h"

#include <algorithm>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "parley/base/print.h"
#include "parley/reactor/backends/readiness.h"
#include "parley/reactor/connect/connectors.h"
#include "parley/reactor/loop/loop.h"
#include "parley/reactor/process/events.h"
#include "parley/socket/descriptors.h"
#include "parley/socket/error.h"
#include "parley/socket/layer.h"
#include "parley/socket/socket.h"

namespace parley {

namespace {

Reactor::MakeBackend readiness(Reactor::Kind kind) {
  return [kind](const BackendSetting& setting) -> std::unique_ptr<Backend> {
    const PollerKind poller = kind == Reactor::poll     ? PollerKind::poll
                              : kind == Reactor::select ? PollerKind::select
                                                        : PollerKind::epoll;
    return std::make_unique<ReadinessBackend>(setting, poller);
  };
}

ReactorSettings with_descriptors(ReactorSettings settings) {
  if (settings.raise_descriptor_limit) raise_descriptor_limit();
  return settings;
}

// What is to be called later is looked at now, where its caller can be told.
template <class Call>
Call given(Call call, std::string_view by) {
  if (!call) throw std::invalid_argument(concat(by, ": there is nothing to call, the function is empty"));
  return call;
}

std::unique_ptr<Protocol> wrapped_for_adopt(std::unique_ptr<Protocol> protocol, const Address& peer,
                                            const Wrap& wrap) {
  if (protocol == nullptr) throw std::invalid_argument("adopt: no protocol was given");
  protocol = detail::wrapped(wrap, peer, std::move(protocol));
  if (protocol == nullptr) throw std::invalid_argument("adopt: the wrap has made no filter");
  return protocol;
}

}  // namespace

bool Timer::active() const {
  return loop_ != nullptr && loop_->timers().active(id_);
}

void Timer::cancel() {
  if (loop_ != nullptr) loop_->timers().cancel(id_);
}

void Timer::delay(Duration by) {
  if (loop_ == nullptr) return;
  if (const auto due = loop_->timers().due(id_)) loop_->timers().move(id_, later(*due, by));
}

void Timer::reset(Duration after) {
  if (loop_ != nullptr) loop_->timers().move(id_, later(loop_->time(), std::max(after, Duration::zero())));
}

void Watching::change(Interest wanted) {
  if (loop_ != nullptr) loop_->watches().change(id_, wanted);
}

void Watching::stop() {
  if (loop_ != nullptr) loop_->watches().stop(id_);
}

Address ListeningPort::host() const {
  return loop_ == nullptr ? Address() : loop_->listeners().host(id_);
}

int ListeningPort::fileno() const {
  return loop_ == nullptr ? -1 : loop_->listeners().fileno(id_);
}

void ListeningPort::stop_listening() {
  if (loop_ != nullptr) loop_->listeners().stop(id_);
}

Reactor::Reactor(Kind kind, ReactorSettings settings)
    : Reactor(readiness(kind), with_descriptors(std::move(settings))) {}
Reactor::Reactor(const MakeBackend& make, ReactorSettings settings)
    : events_(std::make_unique<Events>(*this, detail::possible(settings.limits), settings.threads)),
      connectors_(std::make_unique<Connectors>(*this, std::move(settings.resolver))),
      owned_loop_(std::make_unique<Loop>(make, std::move(settings))),
      loop_(owned_loop_.get()) {
  loop_->on_renewal([this] { events_->renew(); });
}
Reactor::~Reactor() {
  events_->drop();
  connectors_->drop();
}

void Trigger::remove() {
  if (loop_ != nullptr) loop_->shutdown().remove(id_);
}

ListeningPort Reactor::listen(const Address& address, std::shared_ptr<Factory> factory,
                              ListenSettings settings) {
  return {loop_, loop_->listeners().listen(address, std::move(factory), std::move(settings))};
}

Connector Reactor::connect(const Endpoint& to, std::shared_ptr<Factory> factory, ConnectSettings settings) {
  return connectors_->connect(to, std::move(factory), std::move(settings));
}

void Reactor::install_resolver(std::unique_ptr<Resolver> resolver) {
  connectors_->install(std::move(resolver));
}
Resolver& Reactor::resolver() {
  return connectors_->resolver();
}

ListeningPort Reactor::adopt_port(Socket listening, std::shared_ptr<Factory> factory,
                                  ListenSettings settings) {
  if (listening.type() != Type::stream) {
    throw SocketError("adopt_port", concat(listening.getsockname()),
                      std::make_error_code(std::errc::wrong_protocol_type));
  }
  listening.setblocking(false);
  return {loop_,
          loop_->listeners().adopt(Handle{listening.detach()}, std::move(factory), std::move(settings))};
}

TransportId Reactor::adopt(Socket connected, std::unique_ptr<Protocol> protocol, const Wrap& wrap) {
  if (SocketLayer::of(connected) != nullptr) {
    throw std::logic_error(
        "adopt: a socket over TLS would go on in clear; wrap a plain one in a tls::Filter");
  }
  const Address peer = connected.getpeername();
  if (connected.type() != Type::stream) {
    throw SocketError("adopt", concat(peer), std::make_error_code(std::errc::wrong_protocol_type));
  }
  protocol = wrapped_for_adopt(std::move(protocol), peer, wrap);
  connected.setblocking(false);
  return loop_->connections().adopt(Handle{connected.detach()}, peer.compact(), std::move(protocol));
}

TransportId Reactor::adopt(Detached detached, std::unique_ptr<Protocol> protocol, const Wrap& wrap) {
  protocol = wrapped_for_adopt(std::move(protocol), detached.peer, wrap);
  return loop_->connections().adopt(std::move(detached), std::move(protocol));
}

void Reactor::detach(TransportId id, MoveOnlyFunction<void(Detached)> then) {
  loop_->connections().detach(id, given(std::move(then), "detach"));
}

Timer Reactor::call_later(Duration after, MoveOnlyFunction<void()> call) {
  return {loop_, loop_->timers().add(later(loop_->time(), std::max(after, Duration::zero())),
                                     given(std::move(call), "call_later"))};
}

void Reactor::post(MoveOnlyFunction<void()> call) {
  loop_->post(given(std::move(call), "post"));
}

Watching Reactor::watch(int descriptor, Interest wanted, MoveOnlyFunction<void(Interest)> ready) {
  return {loop_, loop_->watches().watch(Handle{descriptor}, wanted, given(std::move(ready), "watch"))};
}

void SignalHandler::stop() {
  if (handlers_ != nullptr) handlers_->remove(id_);
}

SignalHandler Reactor::on_signal(Signal signal, MoveOnlyFunction<void()> call) {
  return on_signal(signal, [call = given(std::move(call), "on_signal")](Signal) { call(); });
}
SignalHandler Reactor::on_signal(Signal signal, MoveOnlyFunction<void(Signal)> call) {
  return events_->signals.add(signal, given(std::move(call), "on_signal"));
}

void Reactor::begin_in_thread(std::shared_ptr<detail::ThreadCall> call) {
  events_->threads.start(std::move(call));
}
ThreadPool& Reactor::thread_pool() {
  return events_->threads.pool();
}

void Reactor::run() {
  loop_->require_runnable("Reactor::run");
  const CallsFromThreads::Running running(events_->from_threads);
  loop_->run();
}
bool Reactor::running() const {
  return events_->from_threads.running();
}
void Reactor::stop(Duration drain) {
  loop_->stop(drain);
}
Trigger Reactor::on_stop(Stopping when, MoveOnlyFunction<void()> call) {
  return on_stop(when, [call = given(std::move(call), "on_stop")](const Hold&) { call(); });
}
Trigger Reactor::on_stop(Stopping when, MoveOnlyFunction<void(Hold)> call) {
  return {loop_, loop_->shutdown().add(when, given(std::move(call), "on_stop"))};
}
bool Reactor::turn(Duration patience) {
  if (events_->from_threads.closed()) events_->from_threads.open();
  const bool goes_on = loop_->turn(patience);
  if (!goes_on) events_->from_threads.close();
  return goes_on;
}
Transport* Reactor::find(TransportId id) const {
  return loop_->connections().find(id);
}
std::size_t Reactor::connections() const {
  return loop_->connections().size();
}
Time Reactor::now() const {
  return loop_->now();
}
const Clock& Reactor::clock() const {
  return loop_->clock();
}
const Limits& Reactor::limits() const {
  return loop_->limits();
}

void Reactor::on_error(MoveOnlyFunction<void(std::exception_ptr)> handler) {
  loop_->on_error(std::move(handler));
}

}  // namespace parley
