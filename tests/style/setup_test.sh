#!/usr/bin/env bash
# script/setup, with a dpkg and an apt of its own that touch nothing.
set -u
setup=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)/script/setup
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
mkdir "$room/bin" "$room/sbin"
export PARLEY_POLICY_RC_D=$room/sbin/policy-rc.d
export APT_LOG=$room/apt.log APT_STATUS=0 ROOM=$room
export PATH=$room/bin:$PATH
failures=0

cat >"$room/bin/dpkg-query" <<'END'
#!/usr/bin/env bash
cat "$ROOM/installed"
END
# Says what it was told, and what a service would have been told meanwhile.
cat >"$room/bin/apt-get" <<'END'
#!/usr/bin/env bash
"$PARLEY_POLICY_RC_D" a-service start; allowed=$?
echo "$* [policy $allowed]" >>"$APT_LOG"
case $* in *install*) echo "the reason of apt"; [[ $APT_STATUS != term ]] || kill -TERM "$PPID"; exit "${APT_STATUS/term/0}" ;; esac
END
printf '#!/usr/bin/env bash\nexec "$@"\n' >"$room/bin/sudo"
chmod +x "$room/bin/"*

expect() {   # WHAT CONDITION...
  local what=$1
  shift
  if ! "$@"; then
    echo "FAILED: $what"
    sed 's/^/    /' "$room/output" "$APT_LOG" 2>/dev/null
    failures=$((failures + 1))
  fi
}
run() {   # ARGUMENTS...; leaves output, status, apt.log
  rm -f "$APT_LOG"
  status=0
  bash "$setup" "$@" >"$room/output" 2>&1 </dev/null || status=$?
}
says() { grep -q -- "$1" "$room/output"; }
apt() { grep -q -- "$1" "$APT_LOG" 2>/dev/null; }
has_status() { [[ $status == "$1" ]]; }
no() { ! "$@"; }

everything="g++ cmake make ninja-build pkg-config libspdlog-dev libfmt-dev libcli11-dev libtomlplusplus-dev libc-ares-dev libssl-dev
  libgtest-dev libgmock-dev clang-19 clang-tidy-19 clang-format-19 libclang-rt-19-dev
  libc++-19-dev libc++abi-19-dev googletest libasio-dev
  inetutils-telnet netcat-openbsd curl python3 valgrind debootstrap openssl gnutls-bin sslscan"
for name in $everything; do echo "$name installed"; done >"$room/all"

cp "$room/all" "$room/installed"
run --test --yes
expect "nothing to do: status 0" has_status 0
expect "nothing to do: no word" [ ! -s "$room/output" ]
expect "nothing to do: no apt" [ ! -e "$APT_LOG" ]

grep -v -e '^ninja' -e '^libgtest' "$room/all" >"$room/installed"
echo "ninja-build config-files" >>"$room/installed"
run --yes
expect "build set: status 0" has_status 0
expect "build set: installs what is missing, a removed package included" apt 'install.* ninja-build \[policy 101\]$'
expect "build set: nothing of the tests" no apt libgtest-dev
expect "build set: lists are brought up to date first" apt 'update \[policy 101\]'
expect "build set: without what is only recommended" apt --no-install-recommends
expect "the policy is gone" [ ! -e "$PARLEY_POLICY_RC_D" ]

run --test
expect "tests: no question without a terminal" apt 'ninja-build libgtest-dev \[policy 101\]$'
expect "tests: prints the list" says 'missing packages: ninja-build libgtest-dev'

run --no-install --test
expect "declined: status 3" has_status 3
expect "declined: prints the list" says 'missing packages: ninja-build libgtest-dev'
expect "declined: no apt" [ ! -e "$APT_LOG" ]

printf '#!/bin/sh\nexit 104\n' >"$PARLEY_POLICY_RC_D"
chmod +x "$PARLEY_POLICY_RC_D"
cp "$PARLEY_POLICY_RC_D" "$room/before"
for APT_STATUS in 0 100 term; do
  run --yes
  expect "a policy of one's own ($APT_STATUS): 101 meanwhile" apt 'install.*policy 101'
  expect "a policy of one's own ($APT_STATUS): is kept" cmp -s "$room/before" "$PARLEY_POLICY_RC_D"
  expect "a policy of one's own ($APT_STATUS): nothing beside it" [ "$(ls "$room/sbin")" = policy-rc.d ]
  case $APT_STATUS in
    0) expect "success: status" has_status 0 ;;
    100)
      expect "failure: status 1" has_status 1
      expect "failure: shows apt's reason" says "the reason of apt"
      ;;
    term) expect "interrupted: not a success" no has_status 0 ;;
  esac
done
rm "$PARLEY_POLICY_RC_D"
for APT_STATUS in 100 term; do
  run --yes
  expect "no policy of one's own ($APT_STATUS): none is left" [ -z "$(ls "$room/sbin")" ]
done
APT_STATUS=0

run --nonsense
expect "an unknown option: status 2" has_status 2
expect "an unknown option: is named" says nonsense

if command -v script >/dev/null; then   # a terminal to ask on
  ask() { printf '%s\n' "$1" | script -qec "bash '$setup'" /dev/null >"$room/output" 2>&1 && status=0 || status=$?; }
  rm -f "$APT_LOG"
  ask n
  expect "a terminal: asks" says 'install them.*\[Y/n\]'
  expect "a terminal: no means no" [ ! -e "$APT_LOG" ]
  expect "a terminal: status 3" has_status 3
  ask y
  expect "a terminal: yes means yes" apt ninja-build
fi

mkdir "$room/elsewhere"   # a system without dpkg and apt
for tool in bash dirname cat; do ln -s "$(command -v $tool)" "$room/elsewhere/"; done
status=0
PATH=$room/elsewhere bash "$setup" >"$room/output" 2>&1 || status=$?
expect "not Debian: status 1" has_status 1
expect "not Debian: says what to do" says "Install these yourself"

((failures == 0)) && echo "script/setup does as it says"
exit $((failures > 0))
