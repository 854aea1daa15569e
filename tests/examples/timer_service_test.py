"""The timer service, run as an application: with sockets, signals, and systemd's part played here."""

import os
import signal
import socket
import tempfile
import time

from examples import Test, main


class TimerService(Test):
    def told(self, port):
        """How often it says that it has ticked."""
        client = self.connect(("127.0.0.1", port))
        line = client.take_until(b"\n")
        client.expect_end()
        client.close()
        return int(line)

    def stops(self, program, number):
        program.signal(number)
        program.stdout.wait_for_exactly(b"Stopped\n")
        self.assertEqual(program.wait(), 0)

    def test_ticks_and_stops(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            program = self.serve("timer_service", "tcp:0:interface=127.0.0.1")
            first = self.told(program.port)
            self.assertGreaterEqual(first, 1)
            while self.told(program.port) < first + 2:  # what a tick takes: ctest's timeout ends one that never comes
                time.sleep(0.02)
            self.stops(program, number)

    def test_pid_file(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "pid")
            program = self.serve("timer_service", "tcp:0", path)
            with open(path, encoding="ascii") as file:
                self.assertEqual(int(file.read()), program.pid)
            status, _, stderr = self.run_example("timer_service", "tcp:0", path)
            self.assertNotEqual(status, 0)
            self.assertIn(b"process %d holds it" % program.pid, stderr)
            self.stops(program, signal.SIGTERM)
            self.assertEqual(os.listdir(folder), [])

    def test_a_wrong_endpoint(self):
        status, _, stderr = self.run_example("timer_service", "tcp:80000")
        self.assertNotEqual(status, 0)
        self.assertIn(b"column 5: the port 80000", stderr)

    def test_tells_the_service_manager(self):
        with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            path = os.path.join(folder, "notify")
            manager.bind(path)
            manager.settimeout(10)
            program = self.serve("timer_service", "tcp:0", environment={"NOTIFY_SOCKET": path})
            self.assertEqual(manager.recv(100), b"READY=1")
            self.stops(program, signal.SIGTERM)
            self.assertEqual(manager.recv(100), b"STOPPING=1")


if __name__ == "__main__":
    main()
