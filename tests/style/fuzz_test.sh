#!/usr/bin/env bash
# script/fuzz in a tree of its own, with a compiler and a target that do nothing.
set -u
script=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)/script/fuzz
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
mkdir -p "$room"/{bin,script,fuzz,build/fuzz/bin}
cp "$script" "$room/script/fuzz"
touch "$room/fuzz/one_fuzz.cpp"
for name in bin/cmake bin/clang++-19 build/fuzz/bin/one_fuzz; do
  printf '#!/usr/bin/env bash\nexit 0\n' >"$room/$name"
  chmod +x "$room/$name"
done
corpus=$room/fuzz/corpus/one
machine=0123456789012345678901234567890123456789   # a name that libFuzzer gives
failures=0

run() {   # leaves output, status
  rm -rf "$corpus"
  mkdir -p "$corpus"
  touch "$corpus/mine" "$corpus/$machine"
  status=0
  PATH=$room/bin:$PATH bash "$room/script/fuzz" one 0 >"$room/output" 2>&1 || status=$?
}
expect() {   # WHAT CONDITION...
  local what=$1
  shift
  if ! "$@"; then
    echo "FAILED: $what"
    sed 's/^/    /' "$room/output"
    failures=$((failures + 1))
  fi
}

run
expect "merging: status 0" [ "$status" = 0 ]
expect "merging: a file with a name of its own stays" [ -e "$corpus/mine" ]
expect "merging: one that reaches nothing goes" [ ! -e "$corpus/$machine" ]

for broken in cp mkdir mv; do
  printf '#!/usr/bin/env bash\n[[ $* != *merged* ]] || exit 1\nexec %s "$@"\n' "$(command -v "$broken")" >"$room/bin/$broken"
  chmod +x "$room/bin/$broken"
  run
  expect "$broken fails: status 1" [ "$status" = 1 ]
  expect "$broken fails: the corpus is as it was" [ -e "$corpus/mine" -a -e "$corpus/$machine" ]
  rm "$room/bin/$broken"
done

exit $((failures > 0))
