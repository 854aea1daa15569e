#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "parley/base/tape.h"
#include "parley/reactor/form.h"
#include "parley/reactor/run.h"
#include "parley/reactor/transport.h"

namespace parley {
class Connection;
class Connections;
struct Crowding;
}  // namespace parley

namespace parley::detail {

// The members of a group in one form, and the run of what they are told.
class Members final : public Run {
 public:
  // `form`: null is the plain one; `place`: which of the loop's forms that is.
  Members(Connections& connections, Form* form, std::uint8_t place);
  ~Members();
  Members(const Members&) = delete;
  Members& operator=(const Members&) = delete;

  const Form* form() const { return form_; }
  std::uint8_t place() const { return place_; }
  Tape& tape() { return tape_; }

  void add(TransportId id);
  void remove(TransportId id);
  bool empty() const { return members_.empty(); }
  // Those that are connected.
  std::size_t size() const;

  // How they keep up, all but one.
  void count(Crowding& crowding, TransportId omitted) const;

  // Tells all but one a message, which is the last on the tape.
  void tell(std::string_view message, TransportId omitted);
  // The same in two steps, for a group of several forms. What `encode` answers stands on the tape until
  // `take_back`, and is told by `tell_encoded`.
  std::size_t encode(std::string_view message);
  void take_back();
  void tell_encoded(TransportId omitted);

  // Gives every member its slice of the run.
  void distribute() override;
  void mark_members() override;

 private:
  // A part of the run that one member is not told.
  struct Gap {
    TransportId member;
    std::string_view bytes;
  };

  void forget_the_lost();
  void sort_gaps();
  std::span<const Gap> gaps_of(TransportId member) const;

  Connections& connections_;
  Form* const form_;
  const std::uint8_t place_;
  Tape& tape_;  // the loop's, for this form
  std::vector<TransportId> members_;
  // Messages that stand side by side on the tape make a run, which the members are given once: before
  // anything else is queued for one of them, and before the flush. Without bytes: none is open.
  std::string_view run_;
  std::vector<Gap> gaps_;
  std::string_view encoded_;
};

}  // namespace parley::detail
