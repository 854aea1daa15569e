#include "parley/socket/select.h"

#include <algorithm>
#include <cerrno>
#include <initializer_list>
#include <stdexcept>
#include <sys/select.h>

#include "parley/base/print.h"
#include "parley/socket/blocking.h"
#include "parley/socket/error.h"
#include "parley/socket/poller_table.h"
#include "parley/socket/socket.h"
#include "parley/socket/waiting.h"

namespace parley {

namespace {

using List = std::vector<Selectable>;

[[noreturn]] void fail(int descriptor, int error, std::string_view advice) {
  throw SocketError("select", concat("descriptor ", descriptor), {error, std::system_category()}, advice);
}

fd_set set_of(const List& list) {
  fd_set set;
  FD_ZERO(&set);
  for (const Selectable& one : list) {
    if (one.fileno() < 0) fail(one.fileno(), EBADF, "a closed socket");
    if (one.fileno() >= FD_SETSIZE) fail(one.fileno(), EINVAL, "select takes descriptors below 1024");
    FD_SET(one.fileno(), &set);
  }
  return set;
}

List those_in(const fd_set& set, const List& list) {
  List found;
  std::copy_if(list.begin(), list.end(), std::back_inserter(found),
               [&](const Selectable& one) { return FD_ISSET(one.fileno(), &set); });
  return found;
}

int end_of(std::initializer_list<const List*> lists) {
  int end = 0;
  for (const List* list : lists) {
    for (const Selectable& one : *list) end = std::max(end, one.fileno() + 1);
  }
  return end;
}

[[noreturn]] void name_the_closed(std::initializer_list<const List*> lists) {
  for (const List* list : lists) {
    for (const Selectable& one : *list) {
      if (!is_open(one.fileno())) fail(one.fileno(), EBADF, "it was closed");
    }
  }
  throw SocketError("select", "", {EBADF, std::system_category()});
}

}  // namespace

Selectable::Selectable(const Socket& socket) : descriptor_(socket.fileno()) {}

Selected select(const List& read, const List& write, const List& except, std::optional<Duration> timeout) {
  if (timeout && *timeout < Duration::zero()) throw std::invalid_argument("select: a negative timeout");
  if (timeout != Duration::zero()) require_blocking_allowed("select");
  const fd_set reads = set_of(read);
  const fd_set writes = set_of(write);
  const fd_set excepts = set_of(except);
  const int end = end_of({&read, &write, &except});
  // The kernel passes over what is beyond its table, which reaches to every open descriptor.
  if (end > 0 && !is_open(end - 1)) name_the_closed({&read, &write, &except});
  const Deadline deadline(timeout);
  for (;;) {
    fd_set readable = reads;
    fd_set writable = writes;
    fd_set exceptional = excepts;
    const std::optional<Duration> left = deadline.left();
    timeval time = timeval_up(left.value_or(Duration::zero()));
    const int count = ::select(end, &readable, &writable, &exceptional, left ? &time : nullptr);
    if (count > 0) {
      return {those_in(readable, read), those_in(writable, write), those_in(exceptional, except)};
    }
    if (count < 0 && errno == EBADF) name_the_closed({&read, &write, &except});
    if (count < 0) check_wait_error(errno);
    if (left == Duration::zero()) return {};
  }
}

}  // namespace parley
