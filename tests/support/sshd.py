"""A server of ssh to test with: real, on this machine alone, with keys of its own.

As any user it lets that same user in.  Nothing outside its folder is written, but
for the empty folder that the server's package has its unit make, too.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from support.ports import free_port
from support.waiting import eventually

_SERVER = """\
Port {port}
ListenAddress {address}
HostKey {folder}/host_key
PidFile none
AuthorizedKeysFile {folder}/%u.keys{keys}
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
MaxStartups 100
PrintMotd no
LogLevel VERBOSE
"""

_CLIENT = """\
Host *
    HostName {address}
    Port {port}
    User {user}
    IdentityFile {key}
    IdentitiesOnly yes
    IdentityAgent none
    UserKnownHostsFile {folder}/known_hosts
    GlobalKnownHostsFile none
    StrictHostKeyChecking yes
    HostKeyAlias tested
    BatchMode yes
    ConnectTimeout 5
    ServerAliveInterval 1
    ServerAliveCountMax 3
    LogLevel ERROR
"""

#: What the server's package has its unit make.
_EMPTY = Path("/run/sshd")


def missing() -> str:
    """Return why there can be no server here; empty: there can."""
    if _server() is None:
        return "openssh-server is not installed"
    if shutil.which("ssh") is None or shutil.which("ssh-keygen") is None:
        return "openssh-client is not installed"
    return ""


def _server() -> str | None:
    """Return where sshd is, which must be started by its full path."""
    return shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")


def make_key(path: Path) -> str:
    """Make a key without a passphrase; return its public half."""
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", path],
        check=True,
    )
    return path.with_name(f"{path.name}.pub").read_text().strip()


@dataclass
class Sshd:
    """A server of ssh.

    :ivar folder: where all that it needs is; whoever logs in must be able to read it.
    :ivar enter: words before a command with which it runs elsewhere, such as
        ``nsenter``.
    :ivar keys: where else keys that are let in may be, such as
        ``.ssh/authorized_keys``.
    """

    folder: Path
    address: str = "127.0.0.1"
    port: int = 0
    enter: Sequence[str] = ()
    keys: str = ""
    _child: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.folder.mkdir(exist_ok=True)
        self.folder.chmod(0o755)
        self.port = self.port or free_port(self.address)
        key = make_key(self.folder / "host_key")
        (self.folder / "known_hosts").write_text(f"tested {key}\n")
        (self.folder / "sshd_config").write_text(
            _SERVER.format(
                port=self.port,
                address=self.address,
                folder=self.folder,
                keys=f" {self.keys}" if self.keys else "",
            )
        )

    # Who may enter.

    def allow(self, public: str, user: str = "", options: str = "") -> None:
        """Let the owner of a key in.

        :param user: as whom; empty: as who runs the tests.
        :param options: such as ``restrict,command="…"``.
        """
        path = self.folder / f"{user or _me()}.keys"
        with path.open("a") as stream:
            stream.write(f"{options} {public}".strip() + "\n")
        path.chmod(0o644)

    def client(self, name: str = "client", user: str = "", options: str = "") -> Path:
        """Make a key that is let in; return the configuration of a client with it.

        ``ssh -F <path> anything COMMAND`` reaches the server then.
        """
        key = self.folder / name
        self.allow(make_key(key), user, options)
        path = self.folder / f"{name}.conf"
        path.write_text(
            _CLIENT.format(
                address=self.address, port=self.port, user=user or _me(), key=key,
                folder=self.folder,
            )
        )  # fmt: skip
        return path

    # Running.

    def start(self) -> None:
        """Start it, and wait until it answers."""
        server = _server()
        assert server, missing()
        if os.geteuid() == 0 and not self.enter:
            _EMPTY.mkdir(mode=0o755, exist_ok=True)
        with (self.folder / "log").open("ab") as log:
            self._child = subprocess.Popen(
                [*self.enter, server, "-D", "-e", "-f", self.folder / "sshd_config"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        eventually(self._answers, "the server of ssh does not answer")

    def _answers(self) -> bool:
        """Tell whether it says who it is."""
        words = ["ssh-keyscan", "-p", str(self.port), "-T", "2", self.address]
        asked = subprocess.run(
            [*self.enter, *words], capture_output=True, text=True, check=False
        )
        assert "ssh-ed25519" in asked.stdout, self.log
        return True

    def stop(self) -> None:
        """Stop it; whoever is connected loses the connection, not what it began."""
        if self._child is not None:
            listener = self._listener()
            for pid in [*self.connections(), *([listener] if listener else [])]:
                _kill(pid)
            self._child.kill()
            self._child.wait()
            self._child = None

    def cut(self) -> int:
        """Cut every connection, as a lost network does; return how many there were."""
        found = self.connections()
        for pid in found:
            _kill(pid)
        return len(found)

    def connections(self) -> list[int]:
        """Return the processes that hold connections."""
        listener = self._listener()
        if listener is None:
            return []
        first = children(listener)
        held = [below for pid in first for below in children(pid) if _is_sshd(below)]
        return [*first, *held]

    @property
    def log(self) -> str:
        """What it told."""
        path = self.folder / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    def _listener(self) -> int | None:
        """Return the process that listens; what enters for it may be its parent."""
        if self._child is None:
            return None
        pid = self._child.pid
        while not _is_sshd(pid):
            below = children(pid)
            if not below:
                return None
            pid = below[0]
        return pid


@contextlib.contextmanager
def running(folder: Path) -> Iterator[Sshd]:
    """Give a server that runs while the body does."""
    server = Sshd(folder)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def children(pid: int) -> list[int]:
    """Return the processes that a process has started."""
    with contextlib.suppress(OSError):
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
        return [int(word) for word in text.split()]
    return []


def _is_sshd(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/comm").read_text().strip().startswith("sshd")
    return False


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def _me() -> str:
    return pwd.getpwuid(os.geteuid()).pw_name
