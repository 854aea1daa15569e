# Sourced by script/test: runs steps one after another, one line each; counts, and sums up at the end.
# What a step prints goes to build/logs and is shown when it fails.

passed=0 failed=0 skipped=0
logs=build/logs
steps_run=0
timings=()          # "microseconds<TAB>what" of every step and every test
may_skip=no         # yes: a skipped test is no failure
allowed_skips=tests/allowed-skips.txt
jobs=$(nproc)

microseconds() { echo "${EPOCHREALTIME//[.,]/}"; }
seconds() { printf '%d.%d s' $(($1 / 1000000)) $(($1 / 100000 % 10)); }

report() { printf '%-7s %9s  %s\n' "$1" "$(seconds "$2")" "$3"; }   # WORD MICROSECONDS WHAT

# Runs a command under a name; sets log, took and status.
run_step() {
  local name=$1 began
  shift
  steps_run=$((steps_run + 1))
  log=$logs/$(printf '%02d-%s' "$steps_run" "${name//[^a-z0-9]/-}").log
  if [[ -t 1 ]]; then printf '%7s %9s  %s ...\r' '' '' "$name"; fi
  began=$(microseconds)
  status=0
  "$@" >"$log" 2>&1 </dev/null || status=$?
  took=$(($(microseconds) - began))
  timings+=("$took"$'\t'"$name")
  if [[ -t 1 ]]; then printf '\033[K'; fi
}

# step NAME COMMAND...: counts as one. Answers whether it passed.
step() {
  run_step "$@"
  if ((status == 0)); then
    passed=$((passed + 1))
    report ok "$took" "$1"
  else
    failed=$((failed + 1))
    report FAILED "$took" "$1"
    tail -n 120 "$log" | sed 's/^/    /'
    echo "    (all of it: $log)"
    return 1
  fi
}

# skip_step NAME WHY: for a tool that is missing. A failure unless skipping is allowed.
skip_step() {
  if [[ $may_skip == yes ]]; then
    skipped=$((skipped + 1))
    report skipped 0 "$1: $2"
  else
    failed=$((failed + 1))
    report FAILED 0 "$1: $2"
  fi
}

# ctest_step NAME BUILD_DIR ARGUMENTS...: counts each of ctest's tests, of which there must be some.
ctest_step() {
  local name=$1 build=$2 word time test good=0 bad=0 left=() forbidden=()
  shift 2
  run_step "$name" ctest --test-dir "$build" --output-on-failure --no-label-summary --no-tests=error -j "$jobs" "$@"
  while IFS=$'\t' read -r word time test; do
    timings+=("$(awk -v t="$time" 'BEGIN { printf "%d", t * 1e6 }')"$'\t'"  $test ($name)")
    case $word in
      Passed) good=$((good + 1)) ;;
      Skipped)
        if [[ $may_skip == yes ]] || grep -qsxF -- "$test" "$allowed_skips"; then
          left+=("$test")
        else
          bad=$((bad + 1))
          forbidden+=("$test")
        fi
        ;;
      *) bad=$((bad + 1)) ;;
    esac
  done < <(sed -nE 's/^ *[0-9]+\/[0-9]+ Test +#[0-9]+: (.*[^ .]) ?\.*( +|\*\*\*)([A-Z][A-Za-z]+).* ([0-9.]+) sec.*$/\3\t\4\t\1/p' "$log")
  if ((status != 0 && bad == 0)) || ((good + bad + ${#left[@]} == 0)); then bad=$((bad + 1)); fi   # ctest itself failed
  passed=$((passed + good)) failed=$((failed + bad)) skipped=$((skipped + ${#left[@]}))

  local counts="$good passed"
  if ((bad > 0)); then counts+=", $bad failed"; fi
  if ((${#left[@]} > 0)); then counts+=", ${#left[@]} skipped"; fi
  if ((bad == 0)); then
    report ok "$took" "$name: $counts"
    for test in "${left[@]}"; do printf '%17s  skipped: %s\n' '' "$test"; done
    return
  fi
  report FAILED "$took" "$name: $counts"
  for test in "${forbidden[@]}"; do
    echo "    $test was skipped, and is not in $allowed_skips:"
    awk -v name="$test" 'index($0, "Testing: " name) && substr($0, length($0) - length(name) + 1) == name { on = 1 }
      on && /^<end of output>/ { exit } on' "$build/Testing/Temporary/LastTest.log" | tail -n +7 | sed 's/^/        /'
  done
  grep -vE '^ *([0-9]+\/[0-9]+ Test .*(Passed|\*\*\*Skipped)|Start +[0-9]+: )' "$log" | tail -n 300 | sed 's/^/    /'
  echo "    (all of it: $log)"
  return 1
}

# The slowest, then the counts, alone on the last line. Answers whether all is well.
summary() {
  local time what line="$passed passed, $failed failed"
  echo
  echo "The ten slowest:"
  while IFS=$'\t' read -r time what; do
    printf '%12s  %s\n' "$(seconds "$time")" "$what"
  done < <(printf '%s\n' "${timings[@]}" | sort -rn | head -n 10)
  echo
  if ((skipped > 0)); then line+=", $skipped skipped"; fi
  echo "$line"
  ((failed == 0))
}
