#!/usr/bin/env bash
# headers.sh is given headers that keep its rules and headers that break them, and must tell them apart.
#
#   headers_test.sh COMPILER
set -u
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
compiler=$1
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
mkdir -p "$room/parley"
failures=0

guard=$'#if __cplusplus < 202002L\n#error "needs C++20: compile with -std=c++20"\n#else\n%s\n#endif\n'
try() {   # WHAT EXPECTED_STATUS SAYS HEADER [AROUND]: status 0 or 1
  # shellcheck disable=SC2059  # the guard is a format
  printf "#pragma once\n${5-$guard}" "$4" >"$room/parley/a.h"
  local status=0
  "$here/headers.sh" "$room" "$compiler" >"$room/output" 2>&1 || status=1
  if [[ $status != "$2" ]] || { [[ -n $3 ]] && ! grep -qF -- "$3" "$room/output"; }; then
    echo "FAILED: $1 (status $status)"
    sed 's/^/    /' "$room/output"
    failures=$((failures + 1))
  fi
}

try "a good header" 0 "" $'#include <string>\nnamespace parley { std::string name(); enum class Family { inet }; }'
try "a forgotten include" 1 "parley/a.h alone" 'namespace parley { std::string name(); }'
try "a macro of the system" 1 "after the system's" 'namespace parley { enum class Family { AF_INET }; }'
try "a macro of GNU mode" 1 "-std=gnu++20: all headers before" 'namespace parley { void unix(); }'
try "a function of the system" 1 "all headers" 'namespace parley { struct Listen {} inline listen; }'
try "a warning" 1 "parley/a.h alone" 'namespace parley { inline int narrow(long wide) { return wide; } }'
try "a header of C++20" 1 "does not just say" 'namespace parley { template <class T> concept Any = true; }' '%s\n'
try "a header of any C++" 1 "does not just say" 'namespace parley {}' '%s\n'
rm "$room/parley/a.h"
"$here/headers.sh" "$room" "$compiler" >/dev/null 2>&1 && { echo "FAILED: no header at all"; failures=1; }

((failures == 0)) && echo "headers.sh tells them apart"
exit $((failures > 0))
