"""TLS with real peers: Python's ssl, openssl and curl, which check our certificate, and whose we check."""

import os
import re
import socket
import ssl
import subprocess
import tempfile
import warnings

from examples import Test, main, needs
from talkers import SECONDS


def openssl(*arguments):
    subprocess.run(("openssl", *arguments), check=True, capture_output=True, timeout=SECONDS)


def make_certificates(folder, names="DNS:localhost,IP:127.0.0.1"):
    """An authority, and a server's certificate."""
    path = lambda name: os.path.join(folder, name)  # noqa: E731
    ec = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    openssl("req", "-x509", *ec, "-keyout", path("ca.key"), "-out", path("ca.pem"), "-subj", "/CN=Test CA", "-days", "2",
            "-addext", "keyUsage=critical,keyCertSign")
    openssl("req", *ec, "-keyout", path("key.pem"), "-out", path("csr.pem"), "-subj", "/CN=test")
    with open(path("ext"), "w", encoding="ascii") as file:
        file.write(f"subjectAltName={names}\nbasicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n"
                   "extendedKeyUsage=serverAuth\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n")
    openssl("x509", "-req", "-in", path("csr.pem"), "-CA", path("ca.pem"), "-CAkey", path("ca.key"), "-CAcreateserial",
            "-out", path("cert.pem"), "-days", "1", "-extfile", path("ext"))


@needs("openssl")
class Tls(Test):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.kept = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.kept.cleanup)
        make_certificates(cls.kept.name)

    def pem(self, name):
        return os.path.join(self.kept.name, name + ".pem")

    def serve_with(self, name, *before):
        return self.serve(name, *(before or (0,)), self.pem("cert"), self.pem("key"))

    def client_context(self):
        return ssl.create_default_context(cafile=self.pem("ca"))

    def connect_plain(self, server):
        ours = socket.create_connection(("127.0.0.1", server.port), timeout=SECONDS)
        self.addCleanup(ours.close)
        return ours

    def connect_tls(self, server, context=None):
        context = context or self.client_context()
        ours = context.wrap_socket(self.connect_plain(server), server_hostname="localhost")
        self.addCleanup(ours.close)
        return ours

    def exactly(self, ours, size):
        data = b""
        while len(data) < size:
            more = ours.recv(1 << 16)
            self.assertTrue(more)
            data += more
        return data

    def test_echo(self):
        for name in ("tls_echo_coroutine", "tls_echo_reactor"):
            server = self.serve_with(name)
            for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
                context = self.client_context()
                context.minimum_version = context.maximum_version = version
                ours = self.connect_tls(server, context)
                data = os.urandom(200_000)
                ours.sendall(data)
                self.assertEqual(self.exactly(ours, len(data)), data)
                ours.unwrap().close()  # close_notify, and theirs

    def test_sessions_go_on(self):
        server = self.serve_with("tls_echo_coroutine")
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context = self.client_context()
            context.minimum_version = context.maximum_version = version
            first = self.connect_tls(server, context)
            first.sendall(b"x")
            self.exactly(first, 1)
            second = context.wrap_socket(self.connect_plain(server), server_hostname="localhost", session=first.session)
            self.addCleanup(second.close)
            self.assertTrue(second.session_reused, version)

    def test_who_is_refused_is_told_so(self):
        server = self.serve_with("tls_echo_reactor")
        plain = self.connect_plain(server)
        plain.sendall(b"hello\n")
        self.assertEqual(plain.recv(100)[:1], b"\x15")  # an alert
        server.stdout.wait_for(rb'the peer does not speak TLS \(it said "hello"\)')
        with self.assertRaises(ssl.SSLCertVerificationError):
            self.connect_tls(server, ssl.create_default_context())
        server.stdout.wait_for(rb"refused by the peer: unknown CA \(alert 48\)")
        old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        old.check_hostname = False
        old.verify_mode = ssl.CERT_NONE
        old.set_ciphers("ALL:@SECLEVEL=0")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            old.minimum_version = ssl.TLSVersion.TLSv1
            old.maximum_version = ssl.TLSVersion.TLSv1_1
        with self.assertRaises(ssl.SSLError):
            self.connect_tls(server, old)
        server.stdout.wait_for(rb"unsupported protocol")

    @needs("curl")
    def test_a_browser_without_tls(self):
        server = self.serve_with("tls_echo_reactor")
        said = self.run_peer("curl", "--silent", "--show-error", f"http://127.0.0.1:{server.port}/")
        self.assertIn(b"This port speaks TLS", said)

    def test_openssl_client(self):
        server = self.serve_with("tls_echo_coroutine")
        said = self.run_peer("openssl", "s_client", "-connect", f"localhost:{server.port}", "-CAfile", self.pem("ca"),
                             "-verify_return_error", "-verify_hostname", "localhost", "-nocommands")
        self.assertIn(b"Verification: OK", said)
        self.assertIn(b"Verified peername: localhost", said)

    def test_forwarder(self):
        behind = self.serve("echo_coroutine")
        server = self.serve_with("tls_forwarder", 0, "127.0.0.1", behind.port)
        ours = self.connect_tls(server)
        data = os.urandom(100_000)
        ours.sendall(data)
        self.assertEqual(self.exactly(ours, len(data)), data)

    def test_starttls(self):
        server = self.serve_with("starttls")
        plain = self.connect_plain(server)
        file = plain.makefile("rb")
        self.assertEqual(file.readline(), b"STARTTLS is spoken here\r\n")
        plain.sendall(b"SECRET\r\n")
        self.assertEqual(file.readline(), b"not in clear: STARTTLS first\r\n")
        plain.sendall(b"STARTTLS\r\nSECRET\r\n")  # the second is dropped
        self.assertEqual(file.readline(), b"go ahead\r\n")
        ours = self.client_context().wrap_socket(plain, server_hostname="localhost")
        self.addCleanup(ours.close)
        ours.sendall(b"SECRET\r\n")
        self.assertEqual(ours.makefile("rb").readline(), b"the door is open\r\n")

    def test_our_client(self):
        server = self.serve_with("tls_echo_coroutine")
        status, out, err = self.run_example("tls_client", "localhost", server.port, "hello", self.pem("ca"))
        self.assertEqual(status, 0, err)
        self.assertRegex(out, rb"\ATLS 1\.3, TLS_AES_256_GCM_SHA384\nCN=test \(localhost, 127\.0\.0\.1\), issued by CN=Test CA,")
        self.assertTrue(out.endswith(b"hello\r\n\r\n"), out)

    def test_our_client_refuses(self):
        server = self.serve_with("tls_echo_coroutine")
        status, _, err = self.run_example("tls_client", "localhost", server.port, "hello")
        self.assertEqual(status, 1)
        self.assertIn(b"nobody trusted has signed CN=test: its issuer is CN=Test CA", err)
        status, _, err = self.run_example("tls_client", "127.0.0.2", server.port, "hello", self.pem("ca"))
        self.assertEqual(status, 1)
        self.assertIn(b"IP address mismatch (it is for localhost, 127.0.0.1, not for 127.0.0.2)", err)

    def test_our_client_with_openssl_server(self):
        for version in ("-tls1_2", "-tls1_3"):
            server, port = self.s_server(version)
            status, out, err = self.run_example("tls_client", "localhost", port, "hello", self.pem("ca"))
            self.assertEqual(status, 0, err)
            self.assertIn(b"olleh", out)  # -rev
            server.kill()
            server.wait(SECONDS)

    def s_server(self, *arguments):
        server = subprocess.Popen(
            ("openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", self.pem("cert"), "-key", self.pem("key"),
             "-rev", *arguments), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.addCleanup(server.stdout.close)
        self.addCleanup(lambda: (server.kill(), server.wait(SECONDS)) if server.poll() is None else None)
        while not (found := re.match(rb"ACCEPT .*:(\d+)", line := server.stdout.readline())):
            self.assertTrue(line, "openssl s_server has ended")
        return server, int(found[1])


if __name__ == "__main__":
    main()
