#!/usr/bin/env python3
"""chains.py: OpenSSL agrees with the table, what is promised is there, and a table that is wrong is noticed."""

import contextlib
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parent))
import chains  # noqa: E402


def openssl(directory, *arguments):
    return subprocess.run(["openssl", *arguments], cwd=directory, stdin=subprocess.DEVNULL, text=True,
                          capture_output=True)


class Made(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        room = tempfile.TemporaryDirectory()
        cls.addClassCleanup(room.cleanup)
        cls.home = Path(room.name) / "home"
        cls.home.mkdir()
        cls.there = Path(room.name) / "chains"
        environment = os.environ | {"HOME": str(cls.home), "TMPDIR": str(cls.home), "PYTHONDONTWRITEBYTECODE": "1"}
        cls.done = subprocess.run([sys.executable, chains.__file__, str(cls.there)], cwd=cls.home, text=True,
                                  env=environment, stdin=subprocess.DEVNULL, capture_output=True)
        if cls.done.returncode != 0:
            raise AssertionError(cls.done.stderr)
        cls.cases = json.loads((cls.there / "cases.json").read_text())

    def public_key(self, name, kind):
        read = {"chain": ("x509", "-noout", "-pubkey"), "key": ("pkey", "-pubout")}[kind]
        return openssl(self.there, *read, "-in", f"{name}.{kind}.pem").stdout

    def accepts(self, name, roots, *arguments):
        return openssl(self.there, "verify", "-x509_strict", "-auth_level", "2", "-trusted", roots, "-untrusted",
                       f"{name}.chain.pem", *arguments, f"{name}.chain.pem").returncode == 0

    def test_no_word_and_nothing_elsewhere(self):
        self.assertEqual((self.done.stdout, self.done.stderr), ("", ""))
        self.assertEqual(list(self.home.iterdir()), [])
        self.assertFalse((self.there / "work").exists())

    def test_each_case_has_its_files(self):
        self.assertEqual(len(self.cases), len(chains.GOOD) + len(chains.BAD))
        for case in self.cases:
            with self.subTest(case["name"]):
                self.assertEqual(case["accepted"], case["name"] in chains.GOOD)
                self.assertEqual(case["accepted"], case["reason"] == "" and case["error"] == 0)
                for file in ("chain", "key", "roots"):
                    self.assertIn("-----BEGIN", (self.there / case[file]).read_text())

    def test_keys_are_those_of_the_certificates(self):
        for name in ("plain", "rsa_1024", "other", "ecdsa", "rsa", "local", "client"):
            with self.subTest(name):
                self.assertNotEqual(self.public_key(name, "key"), "")
                self.assertEqual(self.public_key(name, "chain"), self.public_key(name, "key"))

    def test_servers_under_fixed_names(self):
        for name, host in (("plain", "a.example.org"), ("other", "other.example.net"), ("ecdsa", "both.example.org"),
                           ("rsa", "both.example.org"), ("local", "localhost"), ("encrypted", "a.example.org"),
                           ("mismatch", "a.example.org")):
            with self.subTest(name):
                self.assertTrue(self.accepts(name, "root.pem", "-purpose", "sslserver", "-verify_hostname", host))
        for address in ("127.0.0.1", "::1"):
            self.assertTrue(self.accepts("local", "root.pem", "-purpose", "sslserver", "-verify_ip", address))

    def test_a_client(self):
        self.assertTrue(self.accepts("client", "client_ca.pem", "-purpose", "sslclient"))
        self.assertFalse(self.accepts("client", "client_ca.pem", "-purpose", "sslserver"))
        self.assertFalse(self.accepts("client", "root.pem", "-purpose", "sslclient"))

    def test_an_encrypted_key(self):
        read = ("pkey", "-pubout", "-in", "encrypted.key.pem", "-passin")
        self.assertEqual(openssl(self.there, *read, "pass:secret").stdout, self.public_key("encrypted", "chain"))
        self.assertNotEqual(openssl(self.there, *read, "pass:wrong").returncode, 0)

    def test_a_pair_that_does_not_match(self):
        self.assertNotEqual(self.public_key("mismatch", "key"), "")
        self.assertNotEqual(self.public_key("mismatch", "key"), self.public_key("mismatch", "chain"))


class Table(unittest.TestCase):
    """Tables of one case, which say what is not so."""

    def made(self, good, bad):
        said = io.StringIO()
        with tempfile.TemporaryDirectory() as room, contextlib.redirect_stderr(said), \
                mock.patch.multiple(chains, GOOD=good, BAD=bad):
            return chains.main([room]), said.getvalue()

    def test_a_good_one_that_is_bad(self):
        status, said = self.made({"plain": {"host": "b.example.org"}}, {})
        self.assertEqual(status, 1)
        self.assertIn("plain: the table expects [], and openssl says [(62, 0, 'hostname mismatch')]", said)

    def test_a_bad_one_that_is_good(self):
        status, said = self.made({"plain": {}}, {"shouted": ("plain", "host", "A.EXAMPLE.ORG", 62)})
        self.assertEqual(status, 1)
        self.assertIn("shouted: the table expects [62], and openssl says []", said)

    def test_one_that_is_bad_by_another_cause(self):
        status, said = self.made({"plain": {}}, {"expired": ("plain", "host", "b.example.org", 10)})
        self.assertEqual(status, 1)
        self.assertIn("expired: the table expects [10]", said)

    def test_one_that_is_bad_by_two_causes(self):
        status, said = self.made({"plain": {"host": "b.example.org"}}, {"expired": ("plain", "ends", -0.5, 10)})
        self.assertEqual(status, 1)

    def test_one_that_does_not_differ_from_its_twin(self):
        status, said = self.made({"plain": {}}, {"same": ("plain", "host", "a.example.org", 62)})
        self.assertEqual((status, said), (1, "chains: same: is its twin plain\n"))

    def test_authorities_of_one_name_have_one_key(self):
        keys = {}
        for name in chains.AUTHORITIES:
            form = chains.authority(name)
            keys.setdefault(form["subject"], set()).add(form["key"])
        self.assertEqual(keys["/O=Parley tests/CN=Root"], {"root", "other_root"})
        self.assertEqual(keys["/O=Parley tests/CN=Intermediate"], {"intermediate", "rsa", "rsa_1024"})
        self.assertEqual(keys["/O=Parley tests/CN=Second"], {"second"})


class Program(unittest.TestCase):
    def test_says_that_openssl_is_missing(self):
        with tempfile.TemporaryDirectory() as room:
            done = subprocess.run([sys.executable, chains.__file__, f"{room}/made"], text=True, capture_output=True,
                                  env=os.environ | {"PATH": room})
        self.assertEqual((done.returncode, done.stderr),
                         (1, "chains: the program openssl is missing (script/setup --test)\n"))

    def test_usage(self):
        for arguments in ([], ["--help"], ["a", "b"]):
            with contextlib.redirect_stderr(io.StringIO()) as said:
                self.assertEqual(chains.main(arguments), 2)
            self.assertIn("usage", said.getvalue())


if __name__ == "__main__":
    if not shutil.which("openssl"):
        print("skipped: openssl is missing (script/setup --test)")
        sys.exit(77)
    unittest.main()
