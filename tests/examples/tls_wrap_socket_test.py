"""TLS over a socket: what the example tells of a server of Python's, and what it says of one that it does not trust."""

import http.server
import os
import ssl
import subprocess
import tempfile
import threading

from examples import Test, main, needs


class Page(http.server.BaseHTTPRequestHandler):
    def do_HEAD(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.end_headers()

    def log_message(self, *_):
        pass


@needs("openssl")
class TlsWrapSocket(Test):
    def setUp(self):
        super().setUp()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.certificate = os.path.join(folder.name, "cert.pem")
        key = os.path.join(folder.name, "key.pem")
        command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=page"
        subprocess.run(
            (*command.split(), "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", self.certificate),
            check=True,
            capture_output=True,
        )
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.certificate, key)
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        server.handle_error = lambda *_: None
        self.port = server.server_port
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        self.addCleanup(server.server_close)
        self.addCleanup(thread.join)
        self.addCleanup(server.shutdown)

    def test_the_head_of_a_page(self):
        status, out, error = self.run_example("tls_wrap_socket", "localhost", self.port, self.certificate)
        self.assertEqual((status, error), (0, b""))
        lines = out.decode().splitlines()
        self.assertRegex(lines[0], r"^TLS 1\.3, TLS_\w+$")
        self.assertIn("localhost", lines[1])
        self.assertEqual(lines[2], "HTTP/1.0 200 OK")
        self.assertIn("Content-Type: text/plain", lines)

    def test_one_that_nobody_vouches_for(self):
        status, out, error = self.run_example("tls_wrap_socket", "localhost", self.port)
        self.assertEqual((status, out), (1, b""))
        self.assertRegex(error, rb"^tls_wrap_socket: TLS handshake .*: certificate refused: self.signed certificate")

    def test_one_with_another_name(self):
        status, out, error = self.run_example("tls_wrap_socket", "127.0.0.1", self.port, self.certificate)
        self.assertEqual((status, out), (1, b""))
        self.assertIn(b"it is for localhost, not for 127.0.0.1", error)


if __name__ == "__main__":
    main()
