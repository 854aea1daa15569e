#!/usr/bin/env bash
# Every public header compiles: by itself, and all of them before and after the system's headers, whose macros
# and names they must not trip over; as c++20 and as gnu++20.
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
export -f compile

for compiler; do
  for standard in c++20 gnu++20; do
    printf '%s\0' "$compiler" "$standard" "all headers before the system's" "$everything$system$use"
    printf '%s\0' "$compiler" "$standard" "all headers after the system's" "$system$everything$use"
  done
  if [[ $compiler != "${!#}" ]]; then continue; fi
  # What a header forgets to include is the same under each: once is enough.
  for header in $headers; do printf '%s\0' "$compiler" c++20 "$header alone" "#include <$header>"; done
done | xargs -0 -P "$(nproc)" -n 4 bash -c 'compile "$@"' compile
