"""Every place of a site that we add to those of a release; nobody else joins one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from karl.recipe.release.base.layout import ReleaseLayout, RevisionLayout, SiteLayout


def interpreter_of(release: ReleaseLayout) -> Path | None:
    """Return the interpreter of a release, maybe another Python than ours.

    None: it has none.
    """
    found = sorted(release.interpreter.parent.glob("python3.*"))
    return found[-1] if found else None


@dataclass(frozen=True)
class EvolveLayout:
    """The places of a site.

    :ivar root: the folder that the customer's buildout chose.
    """

    root: Path

    @property
    def site(self) -> SiteLayout:
        """What the release recipe knows of the site."""
        return SiteLayout(self.root)

    @property
    def lib(self) -> Path:
        """The code that the generated commands run, a folder a digest."""
        return self.site.lib

    @property
    def bin(self) -> Path:
        """Generated commands."""
        return self.site.bin

    @property
    def etc(self) -> Path:
        """Generated configuration."""
        return self.site.etc

    @property
    def site_command(self) -> Path:
        """``bin/site``."""
        return self.bin / "site"

    @property
    def worker_command(self) -> Path:
        """``bin/site-worker``: one process of the site, for whoever controls it."""
        return self.bin / "site-worker"

    @property
    def supervise_command(self) -> Path:
        """``bin/site-supervise``: supervisord, in the foreground."""
        return self.bin / "site-supervise"

    @property
    def evolve_command(self) -> Path:
        """``bin/evolve``."""
        return self.bin / "evolve"

    @property
    def refresh_command(self) -> Path:
        """``bin/refresh-staging``: only of a site that gets another one's data."""
        return self.bin / "refresh-staging"

    @property
    def evolve_run_command(self) -> Path:
        """``bin/evolve-run``: run by the interpreter of a release."""
        return self.bin / "evolve-run"

    @property
    def switch_command(self) -> Path:
        """``bin/switch-version``: karl.recipe.release writes it."""
        return self.bin / "switch-version"

    @property
    def declaration(self) -> Path:
        """``etc/upgrade.json``: what the buildout says."""
        return self.etc / "upgrade.json"

    @property
    def supervisord_conf(self) -> Path:
        """``etc/supervisord.conf``."""
        return self.etc / "supervisord.conf"

    @property
    def systemd(self) -> Path:
        """``etc/systemd``: units, to be linked."""
        return self.etc / "systemd"

    def unit(self, name: str) -> Path:
        """Return the place of a unit."""
        return self.systemd / name

    @property
    def crontab(self) -> Path:
        """``etc/cron/site``: in the form of a file in ``/etc/cron.d``."""
        return self.etc / "cron" / "site"

    @property
    def mode_page(self) -> Path:
        """``etc/mode-page.html``: a copy of the customer's page."""
        return self.etc / "mode-page.html"

    @property
    def mode_folder(self) -> Path:
        """``var/mode``."""
        return self.site.var / "mode"

    @property
    def mode(self) -> Path:
        """``var/mode/state.json``: the mode that all processes of the site read."""
        return self.mode_folder / "state.json"

    @property
    def inhibit(self) -> Path:
        """``var/mode/inhibit``: while it is there, cron jobs do not begin."""
        return self.mode_folder / "inhibit"

    @property
    def jobs_lock(self) -> Path:
        """``var/mode/jobs.lock``: shared by every cron job that runs."""
        return self.mode_folder / "jobs.lock"

    @property
    def run(self) -> Path:
        """``var/run``: sockets and what processes say of themselves."""
        return self.site.var / "run"

    @property
    def socket(self) -> Path:
        """``var/run/site.sock``: where the site listens, if not elsewhere."""
        return self.run / "site.sock"

    def worker_socket(self, number: int) -> Path:
        """Return the private socket of a process, for its health check."""
        return self.run / f"worker-{number}.sock"

    def worker_record(self, number: int) -> Path:
        """Return what a process said of itself when it started."""
        return self.run / f"worker-{number}.json"

    def trial_folder(self, word: str) -> Path:
        """Return the folder of one trial's socket."""
        return self.run / f".try-{word}"

    def trial_socket(self, folder: Path) -> Path:
        """Return the socket in the folder of a trial."""
        return folder / "socket"

    @property
    def supervisor_socket(self) -> Path:
        """``var/run/supervisor.sock``."""
        return self.run / "supervisor.sock"

    @property
    def supervisor_pid(self) -> Path:
        """``var/run/supervisord.pid``."""
        return self.run / "supervisord.pid"

    @property
    def logs(self) -> Path:
        """``var/log``."""
        return self.site.var / "log"

    @property
    def supervisor_log(self) -> Path:
        """``var/log/supervisord.log``."""
        return self.logs / "supervisord.log"

    @property
    def supervise_output(self) -> Path:
        """What supervisord printed when it was started here."""
        return self.logs / "supervisord-start.log"

    def worker_log(self, number: int) -> Path:
        """Return the log of a process."""
        return self.logs / f"worker-{number}.log"

    @property
    def trial_log(self) -> Path:
        """``var/log/try.log``: what the last trial printed."""
        return self.logs / "try.log"

    @property
    def control_lock(self) -> Path:
        """Held while processes are started, stopped or restarted."""
        return self.site.var / "lock" / "control.lock"

    @property
    def current(self) -> Path:
        """The one symlink to the live revision."""
        return self.site.current

    def revision(self, number: int) -> RevisionLayout:
        """Return the places of a revision."""
        return self.site.revision(number)

    def release(self, version: str) -> ReleaseLayout:
        """Return the places of a release."""
        return self.site.release(version)
