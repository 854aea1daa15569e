#!/usr/bin/env bash
# script/certificate: what it makes, what it keeps, what it refuses.
set -u
if ! command -v openssl >/dev/null; then
  echo "skipped: openssl is missing (script/setup --test)"
  exit 77
fi
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
mkdir -p "$room/tree/script" "$room/bin" "$room/elsewhere"
cp "$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)/script/certificate" "$room/tree/script/"
script=$room/tree/script/certificate
made=$room/made
failures=0

expect() {   # WHAT CONDITION...
  local what=$1
  shift
  if ! "$@"; then
    echo "FAILED: $what"
    sed 's/^/    /' "$room/output"
    failures=$((failures + 1))
  fi
}
run() {   # ARGUMENTS...; leaves output, status
  status=0
  (cd "$room/elsewhere" && bash "$script" "$@") >"$room/output" 2>&1 </dev/null || status=$?
}
says() { grep -qF -- "$1" "$room/output"; }
has_status() { [[ $status == "$1" ]]; }
no() { ! "$@"; }
accepted() {   # DIR (-verify_hostname | -verify_ip) WHAT
  openssl verify -x509_strict -purpose sslserver -auth_level 2 -trusted "$1/ca.pem" "$2" "$3" "$1/cert.pem" \
    >/dev/null 2>&1
}
serial() { openssl x509 -in "$made/cert.pem" -noout -serial; }
is_new() { [[ $(serial) != "$before" ]]; }
keeps() {   # WHAT ARGUMENTS...
  local what=$1
  shift
  before=$(serial)
  run --out "$made" "$@"
  expect "$what: status 0" has_status 0
  expect "$what: says so" says "kept, for"
  expect "$what: nothing new" no is_new
}
remakes() {   # WHAT ARGUMENTS...
  local what=$1
  shift
  before=$(serial)
  run --out "$made" "$@"
  expect "$what: status 0" has_status 0
  expect "$what: says so" says "made, for"
  expect "$what: a new one" is_new
}

run
expect "by default: status 0" has_status 0
default=$room/tree/build/certificate
for name in localhost "$HOSTNAME"; do
  expect "by default: is accepted for $name" accepted "$default" -verify_hostname "$name"
done
for address in 127.0.0.1 ::1; do
  expect "by default: is accepted for $address" accepted "$default" -verify_ip "$address"
done
expect "by default: not for others" no accepted "$default" -verify_hostname example.org
expect "by default: says how to try it" says "openssl s_client -connect localhost:PORT -CAfile $default/ca.pem"
expect "by default: with curl too" says "curl --cacert $default/ca.pem https://localhost:PORT/"
expect "nothing where it was called" [ -z "$(ls -A "$room/elsewhere")" ]

run --out "$made" A.example.org '*.example.net' 192.0.2.1 2001:db8::5 a.example.org
expect "names: status 0" has_status 0
expect "names: the first" accepted "$made" -verify_hostname a.example.org
expect "names: a wildcard" accepted "$made" -verify_hostname b.example.net
expect "names: IPv4" accepted "$made" -verify_ip 192.0.2.1
expect "names: IPv6" accepted "$made" -verify_ip 2001:db8::5
expect "names: not localhost" no accepted "$made" -verify_hostname localhost
expect "three files, and no key of the authority" [ "$(ls -A "$made" | paste -sd' ')" = "ca.pem cert.pem key.pem" ]
expect "the key is the owner's alone" [ "$(stat -c %a "$made/key.pem")" = 600 ]
expect "cert.pem: one certificate" [ "$(grep -c BEGIN "$made/cert.pem")" = 1 ]

keeps "the same names" A.example.org '*.example.net' 192.0.2.1 2001:db8::5
keeps "in another order, written otherwise" 2001:DB8:0:0::5 a.EXAMPLE.org 192.0.2.1 '*.example.net'
remakes "one name less" a.example.org '*.example.net' 192.0.2.1
remakes "one that the wildcard covers" a.example.org b.example.net 192.0.2.1
remakes "--force" --force a.example.org b.example.net 192.0.2.1
remakes "an address alone" ::1
expect "an address alone: in brackets" says "https://[::1]:PORT/"
expect "an address alone: is what is checked" says "-verify_ip ::1"

cp "$default/key.pem" "$made/key.pem"
remakes "another's key" ::1
cp "$default/ca.pem" "$made/ca.pem"
remakes "another's authority" ::1
rm "$made/ca.pem"
remakes "no authority" ::1
keeps "whole again" ::1

# An openssl that makes what ends in a day, and one that fails.
real=$(command -v openssl)
printf '#!/usr/bin/env bash\nexec %q "${@/#30/1}"\n' "$real" >"$room/bin/openssl"
chmod +x "$room/bin/openssl"
PATH=$room/bin:$PATH run --force --out "$made" ::1
expect "a day: status 0" has_status 0
remakes "what ends in a day" ::1
printf '#!/usr/bin/env bash\n[[ $* != *-CAkey* ]] || { echo "the reason of openssl" >&2; exit 1; }\nexec %q "$@"\n' "$real" \
  >"$room/bin/openssl"
before=$(serial)
PATH=$room/bin:$PATH run --force --out "$made" ::1
expect "openssl fails: status 1" has_status 1
expect "openssl fails: its reason" says "the reason of openssl"
expect "openssl fails: what was there stays" no is_new
expect "openssl fails: nothing beside it" [ "$(ls -A "$made" | paste -sd' ')" = "ca.pem cert.pem key.pem" ]

mkdir "$room/without"
for tool in bash dirname sort awk paste sed; do ln -s "$(command -v $tool)" "$room/without/"; done
PATH=$room/without run --out "$made" localhost
expect "no openssl: status 1" has_status 1
expect "no openssl: says so" says "the program openssl is missing"

refuses() {   # ARGUMENTS...
  run "$@" --out "$room/refused"
  expect "refused: $*: status 2" has_status 2
  expect "refused: $*: says how" says "usage: script/certificate"
  expect "refused: $*: nothing made" [ ! -e "$room/refused" ]
}
for name in '' 'a b' a,b a..b .a a. 'a*.b' 'x.*.b' $'a\nb' 1.2.3 1.2.3.256 01.2.3.4 ::: 1:2:3 1::2::3 :1:2:3:4:5:6:7:8 \
  1:2:3:4:5:6:7: 1:2:3:4:5:6:7::8 12345::1; do
  refuses "$name"
done
refuses --nonsense
run --out
expect "--out without a folder: status 2" has_status 2
run --help
expect "--help: status 0" has_status 0
expect "--help: the options" says "--force"
expect "--help: to its end" says "Exit status"

((failures == 0)) && echo "script/certificate does as it says"
exit $((failures > 0))
