#!/usr/bin/env bash
# script/steps.sh counts what ctest really says: passed, failed, crashed, skipped, nothing at all.
set -u
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
cd "$room"
mkdir -p build/logs tests toy empty
failures=0

cat >toy/CTestTestfile.cmake <<'END'
add_test([=[Suite.passes]=] "true")
add_test([=[All/Suite.passes_with_a_rather_long_name_that_leaves_no_room_for_dots_in_ctests_table/epoll]=] "true")
add_test([=[Suite.fails]=] "sh" "-c" "echo the words of the failure; false")
add_test([=[Suite.crashes]=] "sh" "-c" "kill -SEGV $$")
add_test([=[Suite.is_not_there]=] "/nonexistent")
add_test([=[Suite.hangs]=] "sleep" "30")
set_tests_properties([=[Suite.hangs]=] PROPERTIES TIMEOUT 1)
add_test([=[Suite.skipped]=] "sh" "-c" "echo the kernel denies it; exit 77")
set_tests_properties([=[Suite.skipped]=] PROPERTIES SKIP_RETURN_CODE 77)
END

# sums SETUP ARGUMENTS...: one ctest step and the summary, in a shell of its own. Leaves output and status.
sums() {
  local before=$1
  shift
  status=0
  (
    source "$root/script/steps.sh"
    eval "$before"
    ctest_step "toy" "$@"
    summary
  ) >output 2>&1 || status=$?
}
expect() {   # WHAT LAST_LINE STATUS [SAYS]
  if [[ $(tail -n 1 output) != "$2" || $status != "$3" ]] || ! grep -qF -- "${4-}" output; then
    printf 'FAILED: %s (status %s)\n' "$1" "$status"
    sed 's/^/    /' output
    failures=$((failures + 1))
  fi
}

: >tests/allowed-skips.txt
sums '' toy -R passes
expect "all pass" "2 passed, 0 failed" 0
sums '' toy
expect "each way to fail" "2 passed, 5 failed" 1 "the words of the failure"
sums '' toy -R 'passes|skipped'
expect "a skip is a failure" "2 passed, 1 failed" 1 "the kernel denies it"
sums may_skip=yes toy -R 'passes|skipped'
expect "unless skipping is allowed" "2 passed, 0 failed, 1 skipped" 0
printf 'Suite.skippe\nSuite.skipped and more\n' >tests/allowed-skips.txt
sums '' toy -R 'passes|skipped'
expect "another name on the list does not help" "2 passed, 1 failed" 1
echo Suite.skipped >>tests/allowed-skips.txt
sums '' toy -R 'passes|skipped'
expect "unless it is on the list" "2 passed, 0 failed, 1 skipped" 0
sums '' empty
expect "no test at all is a failure" "0 passed, 1 failed" 1
sums '' toy -R no_such_test
expect "no test that matches is a failure" "0 passed, 1 failed" 1
sums 'step "a step" sh -c "echo its words; exit 3"; step "another" true' toy -R passes
expect "steps count too" "3 passed, 1 failed" 1 "its words"
sums 'skip_step "clang-tidy" "is missing"' toy -R passes
expect "a missing tool is a failure" "2 passed, 1 failed" 1 "is missing"
sums 'may_skip=yes; skip_step "clang-tidy" "is missing"' toy -R passes
expect "a missing tool where skipping is allowed" "2 passed, 0 failed, 1 skipped" 0

((failures == 0)) && echo "script/steps.sh counts right"
exit $((failures > 0))
