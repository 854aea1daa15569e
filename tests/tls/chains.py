#!/usr/bin/env python3
"""Makes certificate chains, good and bad, and says of each whether a client that asks for HOST accepts it.

    chains.py DIRECTORY

Each case of the table in chain_cases.py becomes

    NAME.chain.pem    what the server sends: its certificate, and what stands above it
    NAME.key.pem      the server's key
    NAME.roots.pem    what the client trusts

and DIRECTORY/cases.json is a list of {name, chain, key, roots, host, accepted, error, reason}: files are named from
DIRECTORY; host is a name, or an IP address as text; error is OpenSSL's first X509_V_ERR number, and reason its text
("" and 0 where accepted). `accepted` is what this says:

    openssl verify -x509_strict -purpose sslserver -auth_level 2 -trusted NAME.roots.pem -untrusted NAME.chain.pem
                   (-verify_hostname HOST | -verify_ip HOST) NAME.chain.pem

Level 2 is that of a default SSL_CTX: Debian builds OpenSSL with -DOPENSSL_TLS_SECURITY_LEVEL=2 (`openssl version
-a` shows it), and libssl verifies at the level of its SSL_CTX. `openssl verify` without -auth_level looks at no
strength at all. As in libssl, the whole chain is what is untrusted.

Where OpenSSL does not find exactly the errors that the table expects, the exit status is 1 and the case is named.
Nothing is printed otherwise, and nothing written outside of DIRECTORY.

What other tests need, under names that stay:

    root.pem                          trust this for all of these but the client
    plain.chain.pem, .key.pem         a.example.org
    other.chain.pem, .key.pem         other.example.net: the second server of a host
    ecdsa.chain.pem, .key.pem         both.example.org, P-256
    rsa.chain.pem, .key.pem           both.example.org, RSA 2048
    local.chain.pem, .key.pem         localhost, 127.0.0.1, ::1
    client_ca.pem                     trust this for the client
    client.chain.pem, .key.pem        a client, CN=client
    encrypted.chain.pem, .key.pem     as plain; the key is encrypted, its passphrase is "secret"
    mismatch.chain.pem, .key.pem      as plain, with a key of somebody else
"""

import base64
import datetime
import ipaddress
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
from chain_cases import AUTHORITIES, AUTHORITY, BAD, GOOD, KEYS, LEAF  # noqa: E402

SECURITY_LEVEL = 2

# The server certificates under names that stay, that are no cases: as LEAF, but for this. The rest is copied.
SERVERS = {
    "other": {"san": "DNS:other.example.net"},
    "ecdsa": {"san": "DNS:both.example.org"},
    "rsa": {"san": "DNS:both.example.org", "key": "rsa"},
    "local": {"san": "DNS:localhost,IP:127.0.0.1,IP:::1"},
}
CLIENT = {"issuer": "client_ca", "subject": "/O=Parley tests/CN=client", "san": None, "eku": "clientAuth"}

CONFIGURATION = """\
[ca]
default_ca = authority
[authority]
database = index
new_certs_dir = certificates
rand_serial = yes
unique_subject = no
default_md = sha256
email_in_dn = no
policy = any
[any]
organizationName = optional
commonName = optional
"""


class Wrong(Exception):
    """A case that is not as the table says, or an openssl that fails."""


class Workshop:
    """Makes keys and certificates in a folder of its own; what is the same is made once."""

    def __init__(self, folder):
        self.folder = folder
        self.now = datetime.datetime.now(datetime.timezone.utc)
        self.made = {}
        self.count = 0
        (folder / "certificates").mkdir(parents=True)
        (folder / "index").touch()
        (folder / "configuration").write_text(CONFIGURATION)

    def openssl(self, *arguments):
        done = subprocess.run(["openssl", *arguments], cwd=self.folder, stdin=subprocess.DEVNULL, text=True,
                              capture_output=True)
        if done.returncode != 0:
            raise Wrong(f"openssl {' '.join(arguments)}: {done.stderr.strip()}")

    def key(self, name):
        """The file of a key of KEYS; beside it stands a request, which `openssl ca` takes the public key from."""
        path = self.folder / f"{name}.key"
        if not path.exists():
            options = [word for option in KEYS[name].split() for word in ("-pkeyopt", option)]
            kind = options[1].split(":")[1]
            self.openssl("req", "-new", "-config", "configuration", "-subj", "/O=Parley tests", "-nodes",
                         "-newkey", kind, *options[2:], "-keyout", path.name, "-out", f"{name}.request")
        return path

    def authority(self, name):
        """The PEM text of a certificate of AUTHORITIES."""
        return self.certificate(authority(name))

    def certificate(self, form):
        """The PEM text of a certificate of this form (AUTHORITY, LEAF)."""
        form = {key: value for key, value in form.items() if key not in ("host", "sent", "roots")}
        known = json.dumps(form, sort_keys=True)
        if known not in self.made:
            self.count += 1   # before the issuer's, which is made meanwhile
            self.made[known] = self.issue(form, f"certificate{self.count}")
        return self.made[known]

    def issue(self, form, name):
        extensions = [f"{key} = {form[field]}" for field, key in EXTENSIONS if form[field]]
        (self.folder / f"{name}.extensions").write_text("\n".join(["[it]", *extensions, ""]))
        signed_by = ["-selfsign", "-keyfile", self.key(form["key"]).name]
        if form["issuer"]:
            issuer = authority(form["issuer"])
            (self.folder / f"{name}.issuer").write_text(self.certificate(issuer))
            signed_by = ["-cert", f"{name}.issuer", "-keyfile", self.key(issuer["key"]).name]
            self.key(form["key"])
        self.openssl("ca", "-batch", "-notext", "-config", "configuration", *signed_by, "-in", f"{form['key']}.request",
                     "-subj", form["subject"], "-md", form["digest"], "-extfile", f"{name}.extensions",
                     "-extensions", "it", "-startdate", self.date(form["begins"]), "-enddate", self.date(form["ends"]),
                     "-out", name)
        text = (self.folder / name).read_text()
        return spoilt(text) if form["spoilt"] else text

    def date(self, days):
        return (self.now + datetime.timedelta(days=days)).strftime("%Y%m%d%H%M%SZ")

    def chain(self, form):
        """What a server sends: the certificate of this form, then what its `sent` says."""
        return self.certificate(form) + "".join(
            self.authority(name) if name in AUTHORITIES else self.certificate(form) for name in sent(form))


EXTENSIONS = (("basic", "basicConstraints"), ("usage", "keyUsage"), ("eku", "extendedKeyUsage"),
              ("ski", "subjectKeyIdentifier"), ("aki", "authorityKeyIdentifier"), ("san", "subjectAltName"),
              ("constraints", "nameConstraints"), ("unknown", "1.2.3.4.5"))


def authority(name):
    return AUTHORITY | AUTHORITIES[name]


def sent(form):
    """The names of what is sent after the server's certificate: as the form says, or all below the root."""
    if form["sent"] is not None:
        return form["sent"]
    names = []
    name = form["issuer"]
    while name and authority(name)["issuer"]:
        names.append(name)
        name = authority(name)["issuer"]
    return names


def spoilt(text):
    """The certificate with the last bit of its signature turned."""
    body = bytearray(base64.b64decode("".join(text.strip().splitlines()[1:-1])))
    body[-1] ^= 1
    lines = re.findall(".{1,64}", base64.b64encode(body).decode())
    return "\n".join(["-----BEGIN CERTIFICATE-----", *lines, "-----END CERTIFICATE-----", ""])


def cases():
    """(name, form, the errors expected) of each case. A bad one is its good twin but for one field."""
    for name, differences in GOOD.items():
        yield name, LEAF | differences, []
    for name, (twin, field, value, *errors) in BAD.items():
        form = LEAF | GOOD[twin]
        if form[field] == value or not errors:
            raise Wrong(f"{name}: is its twin {twin}")
        yield name, form | {field: value}, errors


def is_address(host):
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def verify(directory, name, host):
    """(whether openssl accepts the chain, [(error number, depth, text)])"""
    asked = "-verify_ip" if is_address(host) else "-verify_hostname"
    done = subprocess.run(["openssl", "verify", "-x509_strict", "-purpose", "sslserver",
                           "-auth_level", str(SECURITY_LEVEL), "-trusted", f"{name}.roots.pem",
                           "-untrusted", f"{name}.chain.pem", asked, host, f"{name}.chain.pem"],
                          cwd=directory, stdin=subprocess.DEVNULL, text=True, capture_output=True)
    found = re.findall(r"^error (\d+) at (\d+) depth lookup: (.*)$", done.stdout + done.stderr, re.MULTILINE)
    if (done.returncode == 0) != (not found):
        raise Wrong(f"{name}: {done.stdout}{done.stderr}")
    return not found, [(int(number), int(depth), text.strip()) for number, depth, text in found]


def write_case(directory, workshop, name, form):
    (directory / f"{name}.chain.pem").write_text(workshop.chain(form))
    shutil.copy(workshop.key(form["key"]), directory / f"{name}.key.pem")
    (directory / f"{name}.roots.pem").write_text("".join(
        workshop.authority(root) if root in AUTHORITIES else workshop.certificate(form) for root in form["roots"]))


def write_others(directory, workshop):
    """What other tests need, as the head of this file lists it."""
    (directory / "root.pem").write_text(workshop.authority("root"))
    (directory / "client_ca.pem").write_text(workshop.authority("client_ca"))
    for name, differences in (SERVERS | {"client": CLIENT}).items():
        form = LEAF | differences
        (directory / f"{name}.chain.pem").write_text(workshop.chain(form))
        shutil.copy(workshop.key(form["key"]), directory / f"{name}.key.pem")
    for name in ("encrypted", "mismatch"):
        shutil.copy(directory / "plain.chain.pem", directory / f"{name}.chain.pem")
    shutil.copy(workshop.key("somebody"), directory / "mismatch.key.pem")
    workshop.openssl("pkey", "-in", str(directory / "plain.key.pem"), "-aes256", "-passout", "pass:secret",
                     "-out", str(directory / "encrypted.key.pem"))


def make(directory):
    """Fills the directory; raises Wrong at the first case that is not as the table says."""
    directory.mkdir(parents=True, exist_ok=True)
    work = directory / "work"
    shutil.rmtree(work, ignore_errors=True)
    workshop = Workshop(work)
    told = []
    for name, form, expected in cases():
        write_case(directory, workshop, name, form)
        accepted, found = verify(directory, name, form["host"])
        if [number for number, _, _ in found] != expected:
            raise Wrong(f"{name}: the table expects {expected}, and openssl says {found}")
        told.append({"name": name, "chain": f"{name}.chain.pem", "key": f"{name}.key.pem",
                     "roots": f"{name}.roots.pem", "host": form["host"], "accepted": accepted,
                     "error": found[0][0] if found else 0, "reason": found[0][2] if found else ""})
    write_others(directory, workshop)
    shutil.rmtree(work)
    (directory / "cases.json").write_text(json.dumps(told, indent=1) + "\n")


def main(arguments):
    if len(arguments) != 1 or arguments[0].startswith("-"):
        print("usage: chains.py DIRECTORY", file=sys.stderr)
        return 2
    os.umask(0o077)
    try:
        make(Path(arguments[0]).resolve())
    except FileNotFoundError as error:
        if error.filename != "openssl":
            raise
        print("chains: the program openssl is missing (script/setup --test)", file=sys.stderr)
        return 1
    except Wrong as wrong:
        print(f"chains: {wrong}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
