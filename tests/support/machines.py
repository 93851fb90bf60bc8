"""Two machines to test with, as far as one can have them: namespaces of the kernel.

Each has users, files, processes and a network of its own; a cable joins them.  Of the
other's files a machine's user can read nothing.  ``/srv`` and ``/home`` are private to
each, so that paths, names and ports are those that the documentation has.  Nothing of
the real machine is changed.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from support import sshd
from support.sshd import Sshd

ROOT = Path(__file__).parents[2]

#: Names and addresses that are there for documentation.
HOSTS = {"db1": "192.0.2.10", "web1": "192.0.2.20"}

_HOSTS = "127.0.0.1 localhost\n" + "".join(
    f"{address} {name}.example.org {name}\n" for name, address in HOSTS.items()
)

#: What the first process of a machine does: it takes in orphans, as it must.
_FIRST = """
import os, sys, time
print("ready", flush=True)
while True:
    try:
        os.wait()
    except ChildProcessError:
        time.sleep(0.02)
"""

_BEGIN = """
for each in passwd group shadow hosts; do mount --bind {base}/$each /etc/$each; done
mount --bind {base}/srv /srv
mount --bind {base}/home /home
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -m 755 /run/sshd
{opened}
hostname {name}
ip link set lo up
exec {python} -c "$0"
"""

_TOOLS = ("unshare", "nsenter", "ip", "mount")


def missing() -> str:
    """Return why there can be no machines here; empty: there can."""
    if why := sshd.missing():
        return why
    if os.geteuid() != 0:
        return "only root can make namespaces"
    lacking = [name for name in _TOOLS if shutil.which(name) is None]
    if lacking:
        return f"not installed: {', '.join(lacking)}"
    if not Path("/srv").is_dir():
        return "there is no folder /srv to put another over"
    tried = subprocess.run(
        ["unshare", "--mount", "--net", "--pid", "--uts", "--fork", "ip", "link",
         "add", "one", "type", "veth", "peer", "name", "two"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return f"no namespaces: {tried.stderr.strip()}" if tried.returncode else ""


def _opened() -> str:
    """Return the lines that make the code and its Python reachable for all users.

    What lies in a folder that others may not enter, such as root's home, is put on
    an empty folder in its place.
    """
    held, covered, given = [], {}, []
    for number, path in enumerate((Path(sys.base_prefix).resolve(), ROOT)):
        closed = [each for each in path.parents if not each.stat().st_mode & 0o001]
        if closed:
            place = f"/run/held{number}"
            held += [f"mkdir {place}", f"mount --bind {path} {place}"]
            covered[closed[-1]] = f"mount -t tmpfs -o mode=755 tmpfs {closed[-1]}"
            given += [f"mkdir -p {path}", f"mount --bind {place} {path}"]
    return "\n".join([*held, *covered.values(), *given])


@dataclass
class Machine:
    """One machine.

    :ivar base: the folder of the real machine that has everything of it.
    :ivar user: who works on it.
    """

    base: Path
    name: str
    user: str
    uid: int
    _child: subprocess.Popen[str] | None = field(default=None, init=False)

    @property
    def address(self) -> str:
        """Its address in the network."""
        return HOSTS[self.name]

    def start(self) -> None:
        """Begin: users, folders, and a first process."""
        for folder in ("srv", "home", f"home/{self.user}"):
            (self.base / folder).mkdir(parents=True, exist_ok=True)
        for folder in (self.base / "srv", self.base / "home" / self.user):
            os.chown(folder, self.uid, self.uid)
            folder.chmod(0o700)
        self._write_accounts()
        # Whatever the modes below: another machine's user does not come so far.
        os.chown(self.base, self.uid, self.uid)
        self.base.chmod(0o700)
        begin = _BEGIN.format(
            base=self.base, name=self.name, python=sys.executable, opened=_opened()
        )
        told = self.base / "begin.log"
        with told.open("w") as errors:
            self._child = subprocess.Popen(
                ["unshare", "--mount", "--net", "--pid", "--uts", "--fork",
                 "--kill-child", "--mount-proc", "sh", "-ec", begin, _FIRST],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors,
                text=True,
            )  # fmt: skip
        assert self._child.stdout
        assert self._child.stdout.readline() == "ready\n", told.read_text()

    def _write_accounts(self) -> None:
        home, uid = f"/home/{self.user}", self.uid
        own = {
            "passwd": f"{self.user}:*:{uid}:{uid}::{home}:/bin/sh\n",
            "group": f"{self.user}:*:{uid}:\n",
            "shadow": f"{self.user}:*:20000::::::\n",
        }
        for name, line in own.items():
            (self.base / name).write_text(Path(f"/etc/{name}").read_text() + line)
        (self.base / "hosts").write_text(_HOSTS)

    @property
    def first(self) -> int:
        """Its first process."""
        assert self._child
        return sshd.children(self._child.pid)[0]

    def entered(self, user: str = "") -> list[str]:
        """Return the words before a command with which it runs here.

        :param user: ``root``, or whoever works here.
        """
        words = ["nsenter", "-t", str(self.first), "-m", "-n", "-p", "-u"]
        if user != "root":
            words += ["-S", str(self.uid), "-G", str(self.uid)]
        return words

    def environment(self, **more: str) -> dict[str, str]:
        """Return the environment of who works here."""
        return {
            "HOME": f"/home/{self.user}",
            "USER": self.user,
            "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
            "LANG": "C.UTF-8",
            **more,
        }

    def begin(
        self, words: Sequence[str | Path], **options: Any
    ) -> subprocess.Popen[str]:
        """Begin a command."""
        options = {
            "stdin": subprocess.DEVNULL,
            "stdout": subprocess.PIPE,
            "stderr": subprocess.PIPE,
            "text": True,
            "env": self.environment(),
            **options,
        }
        return subprocess.Popen([*self.entered(), *map(str, words)], **options)

    def run(
        self,
        words: Sequence[str | Path],
        *,
        user: str = "",
        code: int | None = 0,
        env: Mapping[str, str] | None = None,
        **options: Any,
    ) -> str:
        """Run a command, expect an exit code, and return what it printed.

        :param code: None: whatever it is.
        """
        done = subprocess.run(
            [*self.entered(user), *map(str, words)],
            stdin=None if "input" in options else subprocess.DEVNULL,
            capture_output=True, text=True, check=False,
            timeout=options.pop("timeout", 300),
            env=self.environment(**(env or {})), **options,
        )  # fmt: skip
        told = f"{words}: {done.returncode}: {done.stdout}\n{done.stderr}"
        assert code is None or done.returncode == code, told
        return done.stdout

    def shell(self, line: str, *, folder: str = "/srv", code: int | None = 0) -> str:
        """Type a line; return all that is shown."""
        return self.run(["sh", "-c", f"cd {folder}\n{line}\n"], code=code)

    def python(self, program: str, *words: str, **options: Any) -> str:
        """Run Python with the code of the checkout and of the tests."""
        path = f"{ROOT}:{ROOT / 'tests'}"
        env = {"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
        return self.run([sys.executable, "-c", program, *words], env=env, **options)

    def outside(self, path: str | Path) -> Path:
        """Return where a file of ``/srv`` or ``/home`` really is."""
        return self.base / str(path).lstrip("/")

    def write(self, path: str, text: str, mode: int = 0o644) -> None:
        """Write a file that belongs to who works here."""
        place = self.outside(path)
        place.write_text(text)
        place.chmod(mode)
        os.chown(place, self.uid, self.uid)

    def make_folder(self, path: str, mode: int = 0o700) -> None:
        """Make a folder that belongs to who works here, and those around it."""
        self.run(["mkdir", "-p", "-m", f"{mode:o}", path])

    def cable(self, *, joined: bool) -> None:
        """Join the network, or leave it without a word."""
        state = "up" if joined else "down"
        self.run(["ip", "link", "set", "eth0", state], user="root")

    def processes(self) -> dict[int, list[str]]:
        """Return the command lines of all that runs here, by the real numbers."""
        found: dict[int, list[str]] = {}
        here = os.readlink(f"/proc/{self.first}/ns/pid")
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if os.readlink(folder / "ns" / "pid") == here:
                    words = (folder / "cmdline").read_bytes().split(b"\0")
                    found[int(folder.name)] = [
                        w.decode(errors="replace") for w in words
                    ]
        return found

    def kill(self, *words: str) -> int:
        """Kill what has all these words in its command line; return how many."""
        found = [
            pid
            for pid, line in self.processes().items()
            if all(any(word == each or each.endswith(f"/{word}") for each in line)
                   for word in words)
        ]  # fmt: skip
        for pid in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return len(found)

    def end(self) -> None:
        """Switch it off: everything is killed at once."""
        if self._child is not None:
            with contextlib.suppress(IndexError, ProcessLookupError):
                os.kill(self.first, signal.SIGKILL)
            self._child.wait()
            assert self._child.stdout
            self._child.stdout.close()
            self._child = None


@dataclass
class Network:
    """The machine of the databases, and that of a site, joined by a cable.

    :ivar db: has a server of ssh.
    """

    base: Path
    db: Machine
    web: Machine
    ssh: Sshd

    def power_cut(self, machine: Machine) -> None:
        """Switch a machine off, as a power cut does, and on again."""
        if machine is self.db:
            self.ssh.stop()
        machine.end()
        machine.start()
        _join(self.db, self.web)
        if machine is self.db:
            self.ssh.enter = machine.entered("root")
            self.ssh.start()


@contextlib.contextmanager
def network() -> Iterator[Network]:
    """Give two machines that are joined; both are switched off at the end."""
    base = Path(tempfile.mkdtemp(prefix="m", dir="/tmp"))
    base.chmod(0o755)
    db = Machine(base / "db1", "db1", "zeo", 61001)
    web = Machine(base / "web1", "web1", "acme", 61002)
    with contextlib.ExitStack() as held:
        held.callback(shutil.rmtree, base, ignore_errors=True)
        for machine in (db, web):
            held.callback(machine.end)
            machine.start()
        _join(db, web)
        server = Sshd(
            base / "ssh", db.address, 22, db.entered("root"),
            keys=".ssh/authorized_keys",
        )  # fmt: skip
        held.callback(server.stop)
        server.start()
        yield Network(base, db, web, server)


def _join(one: Machine, other: Machine) -> None:
    subprocess.run(
        ["nsenter", "-t", str(one.first), "-n", "ip", "link", "add", "eth0", "type",
         "veth", "peer", "name", "eth0", "netns", str(other.first)],
        check=True,
    )  # fmt: skip
    for machine in (one, other):
        address = f"{machine.address}/24"
        machine.run(["ip", "address", "add", address, "dev", "eth0"], user="root")
        machine.cable(joined=True)
