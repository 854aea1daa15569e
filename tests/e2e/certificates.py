"""Certificates for tests: an authority, and what it signs. Made by the program openssl."""

import os
import subprocess

CONFIGURATION = """\
[req]
distinguished_name = name
[name]
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
subjectKeyIdentifier = hash
[signed]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
"""


class Authority:
    """Writes into a folder: ca.pem, and of each certificate NAME.pem and NAME.key."""

    def __init__(self, folder):
        self.folder = folder
        with open(self.path("configuration"), "w", encoding="ascii") as file:
            file.write(CONFIGURATION)
        self.make("ca", "authority")
        self.certificate = self.path("ca.pem")

    def path(self, name):
        return os.path.join(self.folder, name)

    def issue(self, name, purpose="serverAuth"):
        """Answers the two files, of which those before are overwritten."""
        self.make(name, "signed", "-CA", self.path("ca.pem"), "-CAkey", self.path("ca.key"), "-addext", f"extendedKeyUsage={purpose}",
                  "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1")  # fmt: skip
        return self.path(name + ".pem"), self.path(name + ".key")

    def make(self, name, extensions, *more):
        command = ("openssl", "req", "-x509", "-config", self.path("configuration"), "-extensions", extensions, "-subj", f"/CN={name}",
                   "-days", "2", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", self.path(name + ".key"),
                   "-out", self.path(name + ".pem"), *more)  # fmt: skip
        subprocess.run(command, check=True, capture_output=True)
