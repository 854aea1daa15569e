#!/usr/bin/env bash
# clang-tidy over all sources, or over those that changed: since origin/main, or else in the last commit; what
# is not committed counts too. Of many changed ones, the most changed, so that the time stays bounded. Tests
# are left out: they do odd things on purpose.
#
#   tidy.sh BUILD_DIR all|changed
set -euo pipefail
most=24
code=('*.cpp' ':!*_test.cpp' ':!tests/')

base() {
  local merge_base head
  head=$(git rev-parse HEAD)
  if merge_base=$(git merge-base origin/main HEAD 2>/dev/null) && [[ $merge_base != "$head" ]]; then
    echo "$merge_base"
  elif git rev-parse --quiet --verify HEAD~1; then
    :
  else   # a first commit, or a clone without history: everything is new
    git hash-object -t tree /dev/null
  fi
}

if [[ $2 == all ]]; then
  sources=$(git ls-files --cached --others --exclude-standard -- "${code[@]}")
else
  sources=$({
    git diff --numstat --no-renames --diff-filter=d "$(base)" -- "${code[@]}"
    git ls-files --others --exclude-standard -- "${code[@]}" | sed 's/^/1000\t0\t/'
  } | sort -k1,1nr | cut -f3)
fi
known=$(for source in $sources; do
  if grep -qF "$PWD/$source\"" "$1/compile_commands.json"; then echo "$source"; fi
done)
chosen=$known
if [[ $2 == changed ]]; then chosen=$(head -n "$most" <<<"$known"); fi
echo "$(wc -w <<<"$chosen") of $(wc -w <<<"$known") files"
if [[ -n $chosen ]]; then
  tr '\n' '\0' <<<"$chosen" | xargs -0 -P "$(nproc)" -n 1 clang-tidy-19 --quiet -p "$1"
fi
