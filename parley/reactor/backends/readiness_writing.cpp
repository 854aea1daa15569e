// How a readiness back end writes: what the kernel takes is gone at once, and the poller tells when it takes
// more.

#include <algorithm>
#include <array>
#include <cerrno>
#include <sys/socket.h>
#include <sys/uio.h>

#include "parley/reactor/backends/readiness.h"
#include "parley/reactor/backends/readiness_stream_state.h"
#include "parley/reactor/backends/sending_file.h"

namespace parley {

using namespace readiness::stream_state;

// One piece, which the kernel takes whole: almost every write is that.
Written ReadinessBackend::start_write(StreamSlot& slot, std::span<const std::string_view> pieces) {
  if (pieces.size() != 1 || (slot.state & (full | failed)) != 0) return start_writing(slot, pieces);
  const std::size_t wanted = pieces[0].size();
  const ssize_t sent = ::send(slot.handle.native, pieces[0].data(), wanted, MSG_NOSIGNAL);
  if (sent == static_cast<ssize_t>(wanted)) return {.taken = wanted};
  return not_whole(slot, sent);
}

// Where a signal came first, too, the poller tells of room, at once.
Written ReadinessBackend::not_whole(StreamSlot& slot, std::ptrdiff_t sent) {
  if (sent < 0) note_unsent(slot, errno);
  wait_for_room(slot);
  return {.taken = sent < 0 ? 0 : static_cast<std::size_t>(sent)};
}

// `on_written` follows once there is room, unless it has failed.
void ReadinessBackend::wait_for_room(StreamSlot& slot) {
  slot.state &= ~static_cast<std::uint32_t>(full);
  if ((slot.state & failed) != 0) return;
  slot.state |= writing;
  change(slot);
}

// Why nothing was sent. True: a signal came first, and it may be tried again. Otherwise there is no room, or
// the stream has failed, which is noted.
bool ReadinessBackend::note_unsent(StreamSlot& slot, int error) {
  if (error == EINTR) return true;
  if (error != EAGAIN && error != EWOULDBLOCK && error != ENOBUFS)
    fail(slot, {error, std::system_category()});
  return false;
}

// Where `offer` has found the kernel full, asking it again would cost a call for nothing: the poller tells.
Written ReadinessBackend::start_writing(StreamSlot& slot, std::span<const std::string_view> pieces) {
  Taken taken;
  if ((slot.state & full) == 0) taken = send(slot, pieces);
  if (!taken.all) wait_for_room(slot);
  return {.taken = taken.bytes};
}

std::size_t ReadinessBackend::offer(StreamSlot& slot, std::span<const std::string_view> pieces) {
  const Taken taken = send(slot, pieces);
  if (!taken.all) slot.state |= full;
  return taken.bytes;
}

ReadinessBackend::Taken ReadinessBackend::send(StreamSlot& slot, std::span<const std::string_view> pieces) {
  Taken taken;
  while ((slot.state & failed) == 0) {
    std::size_t wanted = pieces[0].size();
    std::size_t count = 1;
    const ssize_t sent = pieces.size() == 1
                             ? ::send(slot.handle.native, pieces[0].data(), wanted, MSG_NOSIGNAL)
                             : send_several(slot, pieces, count, wanted);
    if (sent < 0) {
      if (note_unsent(slot, errno)) continue;
      break;
    }
    taken.bytes += static_cast<std::size_t>(sent);
    if (static_cast<std::size_t>(sent) < wanted) break;
    taken.all = count == pieces.size();
    if (taken.all) break;
    pieces = pieces.subspan(count);
  }
  return taken;
}

// As many as one call takes: `count` pieces of `wanted` bytes.
std::ptrdiff_t ReadinessBackend::send_several(const StreamSlot& slot,
                                              std::span<const std::string_view> pieces, std::size_t& count,
                                              std::size_t& wanted) {
  std::array<iovec, 64> vector;
  count = std::min(pieces.size(), vector.size());
  wanted = 0;
  for (std::size_t i = 0; i < count; ++i) {
    vector[i] = {.iov_base = const_cast<char*>(pieces[i].data()), .iov_len = pieces[i].size()};
    wanted += pieces[i].size();
  }
  msghdr message{};
  message.msg_iov = vector.data();
  message.msg_iovlen = count;
  return ::sendmsg(slot.handle.native, &message, MSG_NOSIGNAL);
}

// At most a turn's bytes at once, so that a peer which takes them as fast as they come does not hold up the
// others: the poller tells at once that there is room.
Written ReadinessBackend::start_send_file(StreamSlot& slot, Handle file, std::uint64_t offset,
                                          std::size_t count) {
  std::size_t taken = 0;
  if ((slot.state & (full | failed)) == 0) {
    const FileSent sent =
        send_file(slot.handle.native, file.native, offset, std::min(count, limits_.turn_bytes));
    taken = sent.taken;
    if (sent.error) fail(slot, sent.error);
  }
  if (taken < count) wait_for_room(slot);
  return {.taken = taken};
}

}  // namespace parley
