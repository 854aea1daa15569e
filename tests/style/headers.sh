#!/usr/bin/env bash
# Every public header compiles: by itself, and all of them before and after the system's headers, whose macros
# and names they must not trip over; as c++20 and as gnu++20. Before C++20 each that is named after a module says so,
# in one line, and nothing else.
#
#   headers.sh INCLUDE_DIR COMPILER...
set -euo pipefail
cd "$1"
shift

headers=$(find parley -name '*.h' | sort)
[[ -n $headers ]]
everything=$(printf '#include <%s>\n' $headers)
system='
#include <sys/socket.h>
#include <netdb.h>
#include <arpa/inet.h>
#include <unistd.h>
#include <poll.h>
#include <signal.h>
'
# What a program does that takes both: each name of the system means what it always did.
use='
using namespace parley;
int use() {
  sockaddr_in address{};
  int descriptor = socket(AF_INET, SOCK_STREAM, 0);
  pollfd interest{descriptor, POLLIN, 0};
  bind(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  listen(descriptor, SOMAXCONN);
  shutdown(descriptor, SHUT_RDWR);
  signal(SIGPIPE, SIG_IGN);
  return poll(&interest, 1, 0) + close(descriptor);
}
'

compile() {   # COMPILER STANDARD WHAT TEXT
  printf '%s\n' "$4" |
    "$1" -std="$2" -fsyntax-only -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror -I . -x c++ - || {
      echo "^ $1 -std=$2: $3"
      return 1
    }
}
too_old() {   # COMPILER STANDARD HEADER
  local said
  said=$(printf '#include <%s>\nint main() {}\n' "$3" | "$1" -std="$2" -fsyntax-only -I . -x c++ - 2>&1) || true
  if [[ $(grep -c 'error:' <<<"$said") != 1 || $said != *"needs C++20: compile with -std=c++20"* ]]; then
    printf '%s\n' "$said" | grep -m 5 error:
    echo "^ $1 -std=$2: <$3> does not just say that it needs C++20"
    return 1
  fi
}
export -f compile too_old

for compiler; do
  for standard in c++20 gnu++20; do
    printf '%s\0' "$compiler" "$standard" "all headers before the system's" "$everything$system$use"
    printf '%s\0' "$compiler" "$standard" "all headers after the system's" "$system$everything$use"
  done
  if [[ $compiler != "${!#}" ]]; then continue; fi
  # What a header forgets to include is the same under each: once is enough.
  for header in $headers; do printf '%s\0' "$compiler" c++20 "$header alone" "#include <$header>"; done
done | xargs -0 -P "$(nproc)" -n 4 bash -c 'compile "$@"' compile
for compiler; do
  for header in parley/*.h; do printf '%s\0' "$compiler" gnu++17 "$header"; done
done | xargs -0 -P "$(nproc)" -n 3 bash -c 'too_old "$@"' too_old
