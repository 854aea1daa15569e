#!/usr/bin/env python3
"""Does what README.md says, to the letter, in a bare Debian of its own: readme_test.py SOURCE_DIR.

Needs root, debootstrap and a mirror of Debian. Each `sh` block is run as it stands, by a user who may use sudo; the only
thing that is put in for another is the repository's address, which gets that of a copy of this tree. A block that starts
a server is stopped once two clients have talked over it. A block that nobody told this test about is a failure.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PORT = 2626
REPOSITORY = "/srv/parley"
HOME = "/home/newcomer"
RELEASE = "bookworm"
WITHIN = 3600  # seconds: what building in it may take
# What a block begins with: in which folder it is run, and whether it ends with a server.
BLOCKS = {
    "git clone": ("", True),
    "script/test": None,  # is what runs this test
    "script/setup": ("parley", False),
    "cmake -B build": ("mychat", True),
    "g++": ("mychat", False),
    "sudo cmake --build": ("parley", False),
}


def say(text):
    print(time.strftime("%H:%M:%S"), text, flush=True)


def blocks(text):
    """(language, code) of each block of a page."""
    return re.findall(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def mirror():
    """Where this machine gets its Debian from."""
    told = subprocess.run(["apt-get", "indextargets", "--format", "$(RELEASE) $(COMPONENT) $(REPO_URI)"],
                          capture_output=True, text=True, check=True).stdout
    found = re.search(rf"^{RELEASE} main (\S+)", told, re.MULTILINE)
    return found[1] if found else "http://deb.debian.org/debian"


class Root:
    """A Debian that has git and sudo, and a user."""

    def __init__(self, place, source):
        self.place = Path(place)
        subprocess.run(["debootstrap", "--variant=minbase", "--include=git,sudo", RELEASE, place, mirror()], check=True,
                       stdout=subprocess.DEVNULL)
        (self.place / "etc/hosts").write_text(f"127.0.0.1 localhost\n127.0.1.1 {socket.gethostname()}\n")
        self.run("useradd --create-home --shell /bin/bash newcomer", user="root")
        (self.place / "etc/sudoers.d/newcomer").write_text("newcomer ALL=(ALL) NOPASSWD: ALL\n")
        copy = self.place / REPOSITORY.lstrip("/")
        names = subprocess.run(["git", "-c", f"safe.directory={source}", "-C", source, "ls-files", "-z", "--cached", "--others",
                                "--exclude-standard"], capture_output=True, text=True, check=True).stdout
        for name in filter(None, names.split("\0")):
            if (Path(source) / name).exists():
                (copy / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(Path(source) / name, copy / name)
        self.run(f"chown -R newcomer {REPOSITORY}", user="root")
        self.run(f"cd {REPOSITORY} && git init -q -b main && git add -A && "
                 "git -c user.name=n -c user.email=n@localhost commit -q -m copy")

    def start(self, code, user="newcomer"):
        """A process of its own group; it takes with it whatever it began."""
        return subprocess.Popen(
            ["unshare", "--mount", "--pid", "--fork", "--kill-child", f"--root={self.place}", "--mount-proc",
             "runuser", "-u", user, "--", "env", "-i", f"HOME={HOME}", "PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
             "LC_ALL=C.UTF-8", "bash", "-ec", code], stdin=subprocess.DEVNULL, start_new_session=True)

    def run(self, code, user="newcomer"):
        process = self.start(code, user)
        if process.wait(WITHIN) != 0:
            raise RuntimeError(f"exit status {process.returncode} of: {code}")

    def serve(self, code):
        """Runs what ends with a server, until two clients have talked over it."""
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", PORT)) == 0:
                raise RuntimeError(f"somebody listens at port {PORT} already, which README.md uses")
        process = self.start(code)
        try:
            talk(process)
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def connected(process):
    end = time.monotonic() + WITHIN
    while True:
        try:
            return socket.create_connection(("127.0.0.1", PORT), timeout=20)
        except ConnectionRefusedError:
            if process.poll() is not None:
                raise RuntimeError(f"it ended before it served: exit status {process.returncode}") from None
            if time.monotonic() > end:
                raise
            time.sleep(0.2)


def talk(process):
    """What the first of two hears is what README.md shows."""
    with connected(process) as first:
        heard = first.makefile("rb")
        with socket.create_connection(("127.0.0.1", PORT), timeout=20) as second:
            host, port = second.getsockname()
            second.sendall(b"hello\r\n")
            wanted = [f"Client joined {host}:{port}", f"[{host}:{port}] hello"]
            while wanted:
                line = heard.readline().decode().rstrip("\r\n")
                if not line:
                    raise RuntimeError(f"the end instead of {wanted}")
                if line == wanted[0]:
                    del wanted[0]


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.parent.chmod(0o777)  # the user builds there


def follow(root, source):
    home = root.place / HOME.lstrip("/")
    page = (Path(source) / "README.md").read_text().replace("<this repository>", REPOSITORY)
    told = blocks(page)
    program = next(code for language, code in told if language == "cpp")
    build, instead = (code for language, code in told if language == "cmake")
    write(home / "mychat/mychat.cpp", program)
    write(home / "mychat/CMakeLists.txt", build)
    for code in (code for language, code in told if language == "sh"):
        known = [what for first, what in BLOCKS.items() if code.startswith(first)]
        if len(known) != 1:
            raise RuntimeError(f"a block that BLOCKS does not name: {code}")
        if known[0] is None:
            continue
        folder, serves = known[0]
        say(f"in ~/{folder}:\n{code.rstrip()}")
        code = f"cd {HOME}/{folder}\n" + code
        root.serve(code) if serves else root.run(code)
        if "--install" in code:
            root.run(f'cd {HOME}/parley\ncmake --install build/release --prefix "$HOME/parley-too" >/dev/null')
            write(home / "mychat-too/mychat.cpp", program)
            write(home / "mychat-too/CMakeLists.txt", build)
            say("the same with --prefix")
            root.serve(f'cd {HOME}/mychat-too\ncmake -B build -DCMAKE_PREFIX_PATH="$HOME/parley-too" && cmake --build build\n'
                       "build/mychat")
            root.run(f"cd {HOME}/parley\nsudo cmake --install build/release >/dev/null")   # what uninstall is about
    left = root.place / "usr/local"
    if found := [path for path in left.rglob("*parley*") if path.is_file()]:
        raise RuntimeError(f"uninstall left {found}")
    say("nothing installed")
    write(home / "fetched/mychat.cpp", program)
    write(home / "fetched/CMakeLists.txt", build.replace("find_package(parley REQUIRED)\n", instead))
    root.serve(f"cd {HOME}/fetched\ncmake -B build && cmake --build build -j2\nbuild/mychat")


def main():
    source = os.path.abspath(sys.argv[1])
    place = tempfile.mkdtemp(prefix="parley-readme-", dir="/var/tmp")
    try:
        os.chmod(place, 0o755)
        say("a bare Debian ...")
        follow(Root(place, source), source)
    finally:
        subprocess.run(["rm", "-rf", "--one-file-system", place], check=False)
    say("README.md holds")


if __name__ == "__main__":
    main()
