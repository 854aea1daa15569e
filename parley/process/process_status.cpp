#include "parley/process/process_status.h"

#include "parley/process/signals.h"

namespace parley {

void print(Writer& out, const ProcessStatus& status) {
  switch (status.kind()) {
    case ProcessStatus::Kind::exited:
      return print_all(out, "exit status ", status.exit_code());
    case ProcessStatus::Kind::signaled:
      return print(out, name_of_signal(status.signal()));
    case ProcessStatus::Kind::left:
      return print(out, "left running");
    case ProcessStatus::Kind::unknown:
      return print(out, "exit status unknown");
  }
}

}  // namespace parley
