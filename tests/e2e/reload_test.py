"""SIGHUP: the configuration is read again, and the log is opened anew."""

import os
import signal
import threading

from parley_e2e import Test, main, program
from programs import Server

LISTENER = '[[listener]]\naddress = "127.0.0.1"\nport = 0\n'
READ_AGAIN = rb"info: SIGHUP: the configuration was read again\n"
STAYS = rb"error: SIGHUP: the configuration stays as it was: "


class Reload(Test):
    def start(self, text):
        self.path = self.file(text + LISTENER)
        return self.parleyd("--config", self.path, listen=())

    def write(self, text):
        with open(self.path, "w", encoding="utf-8") as file:
            file.write(text)

    def lines(self, path, count):
        """The lines of a file, once there are so many."""
        self.wait_until(lambda: os.path.exists(path) and self.read(path).count(b"\n") >= count, path)
        return self.read(path).splitlines(keepends=True)

    def read(self, path):
        with open(path, "rb") as file:
            return file.read()

    def test_what_can_change_does_and_nobody_notices(self):
        server = self.start('[log]\nlevel = "info"\n')
        reader, sender = self.join_many(server, 2)
        self.write('[log]\nlevel = "info"\nchat = false\n' + LISTENER)
        server.signal(signal.SIGHUP)
        server.stderr.wait_for(READ_AGAIN)
        self.fence(sender, reader)
        self.write('[log]\nlevel = "info"\nchat = true\n' + LISTENER)
        server.signal(signal.SIGHUP)
        server.stderr.wait_for(READ_AGAIN + rb"(?s:.*)" + READ_AGAIN)
        self.say(sender, b"shown\n", b"shown", reader)
        server.stdout.wait_for(rb"\A(Client joined .*\r\n){2}\[.*\] shown\r\n\Z")
        log = self.folder() + "/parleyd.log"
        self.write(f'[log]\nlevel = "error"\nfile = "{log}"\n' + LISTENER)
        server.signal(signal.SIGHUP)
        self.wait_until(lambda: os.path.exists(log), log)
        self.fence(sender, reader)
        reader.close()
        sender.expect(reader.left())
        sender.close()
        self.assertEqual(server.stop(), 0)
        server.close()
        self.assertEqual(self.read(log), b"", "at this level there is nothing to say")
        self.assertEqual(server.stderr.text().count(b"\n"), 2, server.stderr.text())

    def test_what_needs_a_restart_is_named(self):
        server = self.start("")
        self.write('[server]\nreactor = "poll"\n[limits]\nsendq_bytes = "64KiB"\n[[listener]]\nport = 1\n')
        server.signal(signal.SIGHUP)
        server.stderr.wait_for(READ_AGAIN + rb".* warning: .*started anew: listener, server.reactor, limits.sendq_bytes\n")
        self.join(server)

    def test_a_file_that_cannot_be_used_changes_nothing(self):
        server = self.start("")
        reader, sender = self.join_many(server, 2)
        self.write('[log]\nchat = false\n[limits]\n"\x1b[1m" = 1\n' + LISTENER)
        server.signal(signal.SIGHUP)
        server.stderr.wait_for(STAYS + self.path.encode() + rb":4: ")
        os.unlink(self.path)
        server.signal(signal.SIGHUP)
        server.stderr.wait_for(STAYS + self.path.encode() + rb": cannot be read: No such file")
        self.say(sender, b"still shown\n", b"still shown", reader)
        server.stdout.wait_for(rb"still shown")
        self.assertNotIn(b"\x1b", server.stderr.text())

    def test_a_pipe_is_read_once(self):
        """As of a shell's <(...): whoever opened it again would wait for ever."""
        fifo = self.folder() + "/fifo"
        os.mkfifo(fifo)
        self.path = fifo
        writer = threading.Thread(target=self.write, args=(LISTENER,), daemon=True)
        writer.start()
        server = self.parleyd("--config", fifo, listen=())
        writer.join()
        reader, sender = self.join_many(server, 2)
        server.signal(signal.SIGHUP)
        server.stderr.wait_for(STAYS + fifo.encode() + rb": a pipe or a device is read once, when parleyd starts\n")
        self.fence(sender, reader)

    def test_a_log_that_nobody_reads_does_not_hold_up_the_chat(self):
        fifo = self.folder() + "/fifo"
        os.mkfifo(fifo)
        full = os.open(fifo, os.O_RDWR | os.O_NONBLOCK)
        self.addCleanup(os.close, full)
        with self.assertRaises(BlockingIOError):
            while True:
                os.write(full, b"x" * 4096)
        command = ("sh", "-c", f'exec "$@" 2<>{fifo}', "sh", program("PARLEYD"), "--listen", "line://127.0.0.1:0")
        server = self.watch(Server(*command))
        reader, sender = self.join_many(server, 2)
        for _ in range(5):  # what the first says in the log is stuck when the others come
            server.signal(signal.SIGHUP)
            self.fence(sender, reader)

    def test_without_a_file(self):
        server = self.parleyd()
        server.signal(signal.SIGHUP)
        server.stderr.wait_for(READ_AGAIN)
        self.join(server)

    def test_the_log_is_opened_anew(self):
        log = self.folder() + "/parleyd.log"
        server = self.start(f'[log]\nfile = "{log}"\n')
        os.rename(log, log + ".1")
        server.signal(signal.SIGHUP)
        self.assertRegex(self.lines(log, 1)[0], READ_AGAIN)
        self.assertEqual(self.read(log + ".1"), b"")
        self.write("mistake")
        os.rename(log, log + ".2")
        server.signal(signal.SIGHUP)
        self.assertRegex(self.lines(log, 1)[0], STAYS)
        self.assertEqual(self.read(log + ".2").count(b"\n"), 1)
        self.assertEqual(server.stop(), 0)
        self.assertRegex(self.lines(log, 2)[1], rb"SIGTERM: shutting down")
        server.close()
        self.assertEqual(server.stderr.text(), b"")

    def test_a_log_that_cannot_be_opened_stays_where_it_is(self):
        log = self.folder() + "/parleyd.log"
        server = self.start(f'[log]\nfile = "{log}"\n')
        fifo = self.folder() + "/fifo"
        os.mkfifo(fifo)
        for count, other in enumerate((self.folder() + "/nowhere/parleyd.log", self.folder(), fifo), 1):
            self.write(f'[log]\nfile = "{other}"\n' + LISTENER)
            server.signal(signal.SIGHUP)
            self.assertRegex(self.lines(log, count)[-1], STAYS + b"log.file: " + other.encode())
        self.join(server)

    def test_a_log_that_cannot_be_opened_at_the_start(self):
        path = self.folder() + "/nowhere/parleyd.log"
        server = self.run_parleyd("--config", self.file(f'[log]\nfile = "{path}"\n' + LISTENER))
        self.assertEqual(server.wait(), 1)
        server.close()
        self.assertEqual(server.stderr.text().decode(), f"parleyd: log.file: {path}: No such file or directory\n")


if __name__ == "__main__":
    main()
