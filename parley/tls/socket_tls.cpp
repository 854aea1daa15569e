#include "parley/tls/socket_tls.h"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <utility>

#include "parley/base/print.h"
#include "parley/socket/error.h"
#include "parley/socket/fork_count.h"

namespace parley::tls {

namespace {

constexpr std::size_t received_at_once = 32 * 1024;
constexpr std::size_t encrypted_at_once = 4 * Engine::record_size;  // before it is sent

}  // namespace

class SocketTls::ToOutgoing final : public Engine::Sink {
 public:
  explicit ToOutgoing(std::string& outgoing) : outgoing_(outgoing) {}
  bool put(std::string_view bytes) noexcept override {
    try {
      outgoing_ += bytes;
      return true;
    } catch (...) {
      return false;
    }
  }

 private:
  std::string& outgoing_;
};

SocketTls::SocketTls(std::shared_ptr<ContextState> context, std::string server_hostname)
    : engine_(std::move(context), std::move(server_hostname)), forks_(fork_count()) {}

template <class Read>
Engine::Outcome SocketTls::with_input(std::span<const char> came, Read read) {
  const bool from_held = came.empty();
  engine_.feed(from_held ? std::span<const char>(held_).subspan(held_at_) : came);
  const Engine::Outcome outcome = read();
  const std::span<const char> rest = engine_.input();
  if (rest.empty()) {
    std::string().swap(held_);
    held_at_ = 0;
  } else if (from_held) {
    held_at_ = held_.size() - rest.size();
  } else {
    held_.assign(rest.data(), rest.size());
    held_at_ = 0;
  }
  engine_.feed({});
  return outcome;
}

void SocketTls::take_pending() {
  if (engine_.pending().empty()) return;
  outgoing_ += engine_.pending();
  engine_.clear_pending();
}

void SocketTls::send_some(const Call& call) noexcept {
  if (sending_) return;
  outgoing_.erase(0, call.send_now(outgoing_));
  if (!outgoing_.empty()) return;
  std::string().swap(outgoing_);
  engine_.drop_pending(call.send_now(engine_.pending()));
}

void SocketTls::send_outgoing(const Call& call) {
  std::unique_lock lock(mutex_);
  take_pending();
  while (!outgoing_.empty()) {
    std::string records = std::exchange(outgoing_, {});
    std::string_view rest = records;
    sending_ = true;
    lock.unlock();
    try {
      call.send(rest);
    } catch (const std::exception& error) {
      lock.lock();
      sending_ = false;
      wants_write_ = dynamic_cast<const WouldBlock*>(&error) != nullptr;
      records.erase(0, records.size() - rest.size());
      outgoing_.insert(0, records);
      throw;
    }
    lock.lock();
    sending_ = false;
    take_pending();
  }
  wants_write_ = false;
}

bool SocketTls::is_shaking() const {
  const std::lock_guard lock(mutex_);
  return engine_.is_shaking();
}

// The lock is held; the engine has failed.
void SocketTls::fail(const Call& call) {
  send_some(call);  // the alert
  const bool shaking = engine_.is_shaking();
  const std::string_view name = shaking ? "TLS handshake" : call.name();
  if (const auto& told = engine_.context().handshake_failed;
      shaking && told && !std::exchange(told_failure_, true)) {
    told(*detail::error(name, call.where(), engine_.error(), engine_.detail()));
  }
  detail::fail(name, call.where(), engine_.error(), engine_.detail());
}

void SocketTls::handshake(const Call& call) {
  std::array<char, received_at_once> memory;
  std::span<const char> came;
  for (;;) {
    auto outcome = Engine::Outcome::done;
    {
      const std::lock_guard lock(mutex_);
      if (engine_.is_shaking()) outcome = with_input(came, [&] { return engine_.handshake(); });
      if (outcome == Engine::Outcome::failed || outcome == Engine::Outcome::ended) fail(call);
    }
    send_outgoing(call);
    if (outcome == Engine::Outcome::done) return;
    came = {memory.data(), call.receive(memory)};
    if (!came.empty()) continue;
    const std::lock_guard lock(mutex_);
    engine_.fail(make_error_code(Failure::closed_in_handshake));
    fail(call);
  }
}

std::size_t SocketTls::receive(const Call& call, std::span<char> memory) {
  if (is_shaking()) handshake(call);
  if (memory.empty()) return 0;
  std::array<char, received_at_once> encrypted;
  std::span<const char> came;
  for (;;) {
    {
      const std::lock_guard lock(mutex_);
      std::size_t size = 0;
      // As much of what is there as there is room for: small records come together.
      const Engine::Outcome outcome = with_input(came, [&] {
        auto result = Engine::Outcome::done;
        do {
          std::size_t read = 0;
          result = engine_.read(memory.subspan(size), read);
          size += read;
        } while (result == Engine::Outcome::done && size < memory.size() && engine_.holds_input());
        return result;
      });
      send_some(call);
      if (size != 0) return size;  // what came behind it is told next time
      if (outcome == Engine::Outcome::ended) return 0;
      if (outcome == Engine::Outcome::failed) fail(call);
    }
    came = {encrypted.data(), call.receive(encrypted)};
    if (!came.empty()) continue;
    const std::lock_guard lock(mutex_);
    if (reading_ended_) return 0;
    engine_.fail(make_error_code(Failure::truncated));
    fail(call);
  }
}

std::size_t SocketTls::send(const Call& call, std::string_view data) {
  if (is_shaking()) handshake(call);
  send_outgoing(call);  // what an earlier one has left: no more is encrypted before that has gone
  const std::string_view next = data.substr(0, encrypted_at_once);
  {
    const std::lock_guard lock(mutex_);
    if (said_end_) {
      throw SocketError(call.name(), call.where(), std::make_error_code(std::errc::broken_pipe),
                        "close_notify was sent");
    }
    const std::string repeated = std::exchange(repeated_, {});
    if (!repeated.empty() && data.starts_with(repeated)) return repeated.size();
    if (!data.empty() && repeated.starts_with(data)) {
      repeated_ = repeated.substr(data.size());
      return data.size();
    }
    outgoing_.reserve(next.size() + next.size() / 64 + 64);
    take_pending();
    ToOutgoing records(outgoing_);
    if (engine_.write(next, &records) != Engine::Outcome::done) fail(call);
  }
  try {
    send_outgoing(call);
  } catch (...) {
    const std::lock_guard lock(mutex_);
    if (call.may_come_again()) repeated_ = next;
    throw;
  }
  return next.size();
}

// The lock is held.
void SocketTls::say_end() {
  if (std::exchange(said_end_, true)) return;
  take_pending();
  ToOutgoing records(outgoing_);
  engine_.end(&records);
}

void SocketTls::shutdown(const Call& call, Shutdown how) {
  {
    const std::lock_guard lock(mutex_);
    if (how != Shutdown::write) reading_ended_ = true;
    if (how == Shutdown::read) return;
    say_end();
    if (how == Shutdown::both) return send_some(call);
  }
  send_outgoing(call);
}

// A child that a fork has made, or its parent, would end the other's connection: who has made it, ends it.
std::optional<std::string> SocketTls::last_words() noexcept {
  if (forks_ != fork_count()) return std::nullopt;  // before the lock, which may be held for ever there
  try {
    const std::lock_guard lock(mutex_);
    if (sending_) return std::string();
    say_end();
    return std::move(outgoing_);
  } catch (...) {
    return std::string();
  }
}

// What the peer sends behind its close_notify is not TLS's any more: it stays in the kernel, because no more
// is asked for than the engine wants for its record.
void SocketTls::unwrap(const Call& call) {
  {
    const std::lock_guard lock(mutex_);
    if (engine_.is_shaking()) throw std::logic_error("unwrap: there was no handshake");
    say_end();
  }
  send_outgoing(call);
  std::array<char, Engine::record_size> memory;
  std::span<const char> came;
  for (;;) {
    std::size_t wanted = 0;
    {
      const std::lock_guard lock(mutex_);
      char unread = 0;
      std::size_t size = 0;
      const Engine::Outcome outcome = with_input(came, [&] { return engine_.read({&unread, 1}, size); });
      if (size != 0) {
        engine_.fail({SSL_R_APPLICATION_DATA_AFTER_CLOSE_NOTIFY, category()});
        fail(call);
      }
      if (outcome == Engine::Outcome::failed) fail(call);
      if (outcome == Engine::Outcome::ended) {
        if (held_.empty()) return;
        engine_.fail(make_error_code(Failure::not_tls));
        fail(call);
      }
      wanted = std::min(engine_.wanted(), memory.size());
    }
    came = {memory.data(), call.receive(std::span(memory).first(wanted))};
    if (!came.empty()) continue;
    const std::lock_guard lock(mutex_);
    engine_.fail(make_error_code(Failure::truncated));
    fail(call);
  }
}

bool SocketTls::wants_write() const {
  const std::lock_guard lock(mutex_);
  return wants_write_;
}

std::size_t SocketTls::pending() const {
  const std::lock_guard lock(mutex_);
  return static_cast<std::size_t>(SSL_pending(&engine_.ssl())) + held_.size() - held_at_;
}

Details SocketTls::details() const {
  const std::lock_guard lock(mutex_);
  return details_of(engine_);
}

}  // namespace parley::tls
