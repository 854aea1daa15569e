#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "parley/base/clock.h"
#include "parley/socket/interest.h"
#include "parley/socket/select.h"

namespace parley {

class Poller;

namespace detail {

// What a selector knows of a descriptor, whatever its user's data.
class Registration {
 public:
  // What is watched, and its number.
  Selectable fileobj() const { return what_; }
  int fd() const { return what_.fileno(); }
  // What it is watched for.
  Interest events() const { return events_; }

 private:
  friend class SelectorCore;
  Registration(Selectable what, Interest events, std::uint32_t serial)
      : what_(what), events_(events), serial_(serial) {}

  Selectable what_;
  Interest events_;
  std::uint32_t serial_;  // tells it from those that had the same number before
};

// A selector without its user's data: the poller, and what it told last.
class SelectorCore {
 public:
  SelectorCore(const SelectorCore&) = delete;
  SelectorCore& operator=(const SelectorCore&) = delete;

 protected:
  struct Told {
    int descriptor;
    std::uint32_t serial;
    Interest ready;
  };

  explicit SelectorCore(PollerKind kind);
  virtual ~SelectorCore();

  // What is registered under a number, or null; and each one of them.
  virtual const Registration* find(int descriptor) const = 0;
  virtual std::vector<const Registration*> all() const = 0;

  Registration watch(Selectable what, Interest events);
  void rewatch(Registration& registration, Interest events);
  void unwatch(const Registration& registration);
  const std::vector<Told>& wait(std::optional<Duration> timeout);
  void end();

  // What is still true of what was told: nothing when it was removed meanwhile.
  Interest still_ready(const Told& told) const;
  [[noreturn]] static void fail_unknown(Selectable what);

 private:
  void require_open() const;
  void take_in(std::optional<Duration> timeout);
  void renew();
  Poller& own_poller();

  PollerKind kind_;
  std::unique_ptr<Poller> poller_;  // null once it was closed
  std::uint32_t forks_;
  std::vector<Told> told_;
  std::uint32_t last_serial_ = 0;
};

}  // namespace detail

// One descriptor that a selector watches: `fileobj()`, its number `fd()`, `events()` it is watched for, and
// the user's `data`.
template <class Data>
class SelectorKey : public detail::Registration {
 public:
  SelectorKey(const detail::Registration& registration, Data of_user)
      : Registration(registration), data(std::move(of_user)) {}

  Data data;
};

// Tells which of many sockets and descriptors are ready, each with data of the user's type: a name, a
// pointer, a std::function to be called, a client with its socket. Level-triggered: what is not dealt with is
// told again. Owns the data and none of the descriptors. Used from one thread.
//
// A descriptor is to be removed before it is closed. One that was closed first is told no more, whatever the
// kind of the selector; it stays registered until it is removed. Once its number belongs to another file,
// `modify` has that watched; whether it is before is not said.
//
//   DefaultSelector<Client> selector;
//   for (auto [key, ready] : selector.select()) serve(key.data);
template <class Data = std::monostate>
class Selector : private detail::SelectorCore {
 public:
  using Key = SelectorKey<Data>;

  // One that is ready, and for what of what it is watched for. Errors and hang-ups count as either.
  struct Event {
    Key& key;
    Interest ready;
  };
  class Events;

  // Throws SocketError where there is no descriptor left for it, std::invalid_argument for a kind that does
  // not exist.
  explicit Selector(PollerKind kind) : SelectorCore(kind) {}

  // Watches a socket or descriptor. Throws std::invalid_argument when it is watched already or nothing is
  // wanted, and SocketError when it is not open, or too large for select.
  Key& add(Selectable what, Interest events, Data data = {}) {
    const auto at = keys_.try_emplace(what.fileno(), watch(what, events), std::move(data)).first;
    return at->second;
  }

  // Watches it for something else, with the same data or with other. Throws as `add`, and std::out_of_range
  // when it is not watched; nothing is changed then.
  Key& modify(Selectable what, Interest events) {
    Key& key = get_key(what);
    rewatch(key, events);
    return key;
  }
  Key& modify(Selectable what, Interest events, Data data) {
    Key& key = modify(what, events);
    key.data = std::move(data);
    return key;
  }

  // Watches it no more, and hands its key back. Its descriptor may be closed already. (A closed socket has
  // none to be known by: take it out before, or by the number that it had.) Throws std::out_of_range when
  // it is not watched.
  Key remove(Selectable what) {
    unwatch(get_key(what));
    return std::move(keys_.extract(what.fileno()).mapped());
  }

  // Waits until something is ready, and answers what is: at most 1024 at once, and none is passed over for
  // ever. Without a timeout it waits for ever; with zero or less, not at all; after it the answer is empty.
  // Signals neither end nor lengthen it. The answer is valid until the next call; adding and removing while
  // going through it is fine, and what was removed is not told. Throws std::logic_error where it may wait
  // inside a reactor's callback, or was closed.
  Events select(std::optional<Duration> timeout = std::nullopt) { return Events(*this, wait(timeout)); }

  // The key of what is watched; valid until it is removed. Throws std::out_of_range when it is not.
  Key& get_key(Selectable what) {
    const auto at = keys_.find(what.fileno());
    if (at == keys_.end()) fail_unknown(what);
    return at->second;
  }

  // All that is watched, by descriptor.
  const std::unordered_map<int, Key>& get_map() const { return keys_; }

  // Forgets everything, its data too. Closing again is no error; every other call throws afterwards.
  void close() {
    end();
    keys_.clear();
  }

 private:
  const detail::Registration* find(int descriptor) const override {
    const auto at = keys_.find(descriptor);
    return at == keys_.end() ? nullptr : &at->second;
  }
  std::vector<const detail::Registration*> all() const override {
    std::vector<const detail::Registration*> found;
    for (const auto& [descriptor, key] : keys_) found.push_back(&key);
    return found;
  }

  std::unordered_map<int, Key> keys_;
};

// What `select` answers, to be gone through with a range-for.
template <class Data>
class Selector<Data>::Events {
 public:
  class Iterator {
   public:
    Event operator*() const { return {selector_->keys_.at(at_->descriptor), selector_->still_ready(*at_)}; }
    Iterator& operator++() {
      ++at_;
      pass_over_removed();
      return *this;
    }
    bool operator==(std::default_sentinel_t) const { return at_ == end_; }

   private:
    friend class Events;
    Iterator(Selector& selector, const Told* at, const Told* end) : selector_(&selector), at_(at), end_(end) {
      pass_over_removed();
    }
    void pass_over_removed() {
      while (at_ != end_ && selector_->still_ready(*at_) == Interest::none) ++at_;
    }

    Selector* selector_;
    const Told* at_;
    const Told* end_;
  };

  Iterator begin() const { return {*selector_, told_->data(), told_->data() + told_->size()}; }
  std::default_sentinel_t end() const { return {}; }
  bool empty() const { return begin() == end(); }

 private:
  friend class Selector;
  Events(Selector& selector, const std::vector<Told>& told) : selector_(&selector), told_(&told) {}

  Selector* selector_;
  const std::vector<Told>* told_;
};

// Selectors over one of the kernel's calls.
template <class Data = std::monostate>
class SelectSelector : public Selector<Data> {
 public:
  SelectSelector() : Selector<Data>(PollerKind::select) {}
};

template <class Data = std::monostate>
class PollSelector : public Selector<Data> {
 public:
  PollSelector() : Selector<Data>(PollerKind::poll) {}
};

template <class Data = std::monostate>
class EpollSelector : public Selector<Data> {
 public:
  EpollSelector() : Selector<Data>(PollerKind::epoll) {}
};

// The best that this system has: epoll.
template <class Data = std::monostate>
class DefaultSelector : public EpollSelector<Data> {};

}  // namespace parley
