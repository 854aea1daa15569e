#!/usr/bin/env python3
"""Each chain of chains.py in a handshake: what we accept is what `openssl verify -x509_strict` does, but for names."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent

# RFC 9525: a wildcard is a whole label, and the subject's common name is no name of a host.
STRICTER = {"name_in_cn_alone", "wildcard_at_the_end_of_a_label", "wildcard_at_the_start_of_a_label"}
# The last dot says that a name is whole (RFC 1034, section 3.1); certificates do not write it.
LOOSER = {"host_with_trailing_dot"}


class Handshakes(unittest.TestCase):
    def test_each_case(self):
        with tempfile.TemporaryDirectory() as room:
            subprocess.run([sys.executable, HERE / "chains.py", room], check=True)
            cases = json.loads(Path(room, "cases.json").read_text())
            lines = "".join(f"{room}/{case['chain']} {room}/{case['key']} {room}/{case['roots']} {case['host']}\n" for case in cases)
            # The machine's own authorities have no say.
            environment = os.environ | {"SSL_CERT_FILE": "/dev/null", "SSL_CERT_DIR": "/dev/null"}
            done = subprocess.run([PROGRAM], input=lines, text=True, capture_output=True, env=environment)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        got = dict(zip((case["name"] for case in cases), map(int, done.stdout.split()), strict=True))
        for case in cases:
            with self.subTest(case["name"], host=case["host"]):
                if case["name"] in STRICTER:
                    self.assertEqual(got[case["name"]], 62)
                elif case["name"] in LOOSER:
                    self.assertEqual(got[case["name"]], 0)
                else:
                    self.assertEqual(got[case["name"]], case["error"], case["reason"])
        self.assertLessEqual(STRICTER | LOOSER, set(got))


if __name__ == "__main__":
    if not shutil.which("openssl"):
        print("skipped: openssl is missing (script/setup --test)")
        sys.exit(77)
    PROGRAM = sys.argv.pop()
    unittest.main()
