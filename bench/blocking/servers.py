"""The same with Python's socketserver: servers.py plain|threading PORT."""

import socketserver
import sys


class Answer(socketserver.StreamRequestHandler):
    def handle(self):
        self.wfile.write(self.rfile.readline(8192))


class Plain(socketserver.TCPServer):
    allow_reuse_address = True
    request_queue_size = 128


class Threading(socketserver.ThreadingMixIn, Plain):
    pass


kind = Threading if sys.argv[1] == "threading" else Plain
kind(("127.0.0.1", int(sys.argv[2])), Answer).serve_forever()
