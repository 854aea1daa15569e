"""The small HTTP server, with curl, Python's http.client, and with those who mean ill."""

import http.client
import os
import socket
import urllib.request

from examples import Test, main, needs
from talkers import SECONDS

PAGE = b"<!doctype html><p>Hello</p>\n"


class HttpServer(Test):
    def setUp(self):
        super().setUp()
        outside = self.folder()
        self.root = os.path.join(outside, "site")
        os.makedirs(os.path.join(self.root, "sub"))
        os.mkdir(os.path.join(outside, "site-2"))
        self.put("index.html", PAGE)
        self.put("style.css", b"p {}\n")
        self.put("picture.png", bytes(range(256)) * 5000)
        self.put("sub/a b.txt", "你好\n".encode())
        self.put("empty.txt", b"")
        self.put("../secret.txt", b"secret\n")
        self.put("../site-2/secret.txt", b"secret\n")
        os.symlink("../secret.txt", os.path.join(self.root, "link.txt"))
        os.symlink("index.html", os.path.join(self.root, "inside.html"))
        os.mkfifo(os.path.join(self.root, "pipe"))
        self.server = self.serve("http_server", "0", self.root)
        self.url = f"http://127.0.0.1:{self.server.port}"

    def put(self, name, data):
        with open(os.path.join(self.root, name), "wb") as file:
            file.write(data)

    def ask(self, request):
        """Sends bytes as they are; answers the status and what is after the headers."""
        with socket.create_connection(("127.0.0.1", self.server.port), SECONDS) as client:
            client.sendall(request)
            client.shutdown(socket.SHUT_WR)
            answer = b""
            while data := client.recv(1 << 16):
                answer += data
        head, _, body = answer.partition(b"\r\n\r\n")
        return int(head.split()[1]), body

    def get(self, target):
        return self.ask(b"GET %s HTTP/1.1\r\nHost: x\r\n\r\n" % target.encode())

    def test_python_reads_it(self):
        for name, kind in (("/", "text/html"), ("/style.css", "text/css"), ("/picture.png", "image/png"),
                           ("/sub/a%20b.txt", "text/plain"), ("/empty.txt", "text/plain"),
                           ("/inside.html", "text/html")):
            with urllib.request.urlopen(self.url + name, timeout=SECONDS) as answer:
                self.assertEqual(answer.headers.get_content_type(), kind)
                path = {"/": "index.html", "/sub/a%20b.txt": "sub/a b.txt"}.get(name, name[1:])
                with open(os.path.join(self.root, path), "rb") as file:
                    self.assertTrue(answer.read() == file.read(), name)

    def test_head_is_all_but_the_file(self):
        client = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=SECONDS)
        client.request("HEAD", "/picture.png")
        answer = client.getresponse()
        self.assertEqual((answer.status, answer.getheader("Content-Length"), answer.read()), (200, "1280000", b""))
        self.assertEqual(self.ask(b"HEAD / HTTP/1.0\r\n\r\n"), (200, b""))
        client.close()

    @needs("curl")
    def test_curl(self):
        self.assertEqual(self.run_peer("curl", "-sS", "--fail", self.url + "/"), PAGE)
        self.assertEqual(self.run_peer("curl", "-sS", "-o", os.devnull, "-w", "%{http_code} %{content_type}",
                                       self.url + "/nothing"), b"404 text/plain")
        self.assertEqual(self.run_peer("curl", "-sS", "-o", os.devnull, "-w", "%{http_code}", "--path-as-is",
                                       self.url + "/../secret.txt"), b"404")
        self.assertEqual(self.run_peer("curl", "-sS", "-o", os.devnull, "-w", "%{http_code}", "-d", "x=1",
                                       self.url + "/"), b"405")

    def test_nothing_outside_the_folder(self):
        for target in ("/../secret.txt", "/%2e%2e/secret.txt", "/sub/../../secret.txt", "/..%2fsecret.txt",
                       "/%2E%2E%2fsecret.txt", "//../secret.txt", "/link.txt", "/../site-2/secret.txt",
                       "//etc/passwd", "/%2fetc/passwd", "/./../secret.txt", "/%2e%2e%2f..%2f..%2fetc%2fpasswd",
                       "/%00/../secret.txt", "/sub/%2e%2e/%2e%2e/secret.txt"):
            status, body = self.get(target)
            self.assertEqual((status, b"secret" in body, b"root:" in body), (404, False, False), target)

    def test_what_is_no_file(self):
        for target in ("/nothing", "/sub", "/sub/", "/pipe", "/index.html/", "/" + 4000 * "x", "/%", "/%zz", "/%0"):
            self.assertEqual(self.get(target)[0], 404, target)

    def test_what_cannot_be_read(self):
        self.server = self.serve("http_server", "0", "/proc/sys/vm")  # it has a file that only takes, from root too
        self.assertEqual(self.get("/compact_memory")[0], 404)

    def test_what_is_no_request(self):
        for request in (b"\r\n", b"GET\r\n\r\n", b"GET /\r\n\r\n", b"GET index.html HTTP/1.0\r\n\r\n",
                        b"GET / FTP/1.0\r\n\r\n", b"\0\xff\r\n\r\n", b"GET " + 100000 * b"x"):
            self.assertEqual(self.ask(request)[0], 400, request[:40])

    def test_other_methods(self):
        for method in (b"POST", b"PUT", b"DELETE", b"get", b"OPTIONS"):
            self.assertEqual(self.ask(method + b" / HTTP/1.1\r\n\r\n")[0], 405, method)

    def test_an_idle_browser_holds_up_nobody(self):
        idle = self.connect(("127.0.0.1", self.server.port))
        self.assertEqual(self.get("/"), (200, PAGE))
        idle.close()
        self.assertEqual(self.get("/"), (200, PAGE))


if __name__ == "__main__":
    main()
