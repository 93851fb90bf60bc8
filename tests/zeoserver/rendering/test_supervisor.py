"""supervisord's configuration, read by supervisor itself."""

from __future__ import annotations

import shlex

import pytest
from supervisor.options import ServerOptions
from support.zeodeclared import declare

from karl.recipe.zeoserver.declaration.model import Central
from karl.recipe.zeoserver.rendering import supervisorconf


def read(central: Central, *served: tuple[str, str]) -> ServerOptions:
    """Return what supervisord reads of the generated files."""
    places = central.places
    for name in central.storages:
        central.storage_places(name).logs.mkdir(parents=True)
    for folder in (places.programs, places.logs):
        folder.mkdir(parents=True)
    text = supervisorconf.render_daemon(central)
    places.supervisord_conf.write_text(text, encoding="utf-8")
    for name, side in served:
        text = supervisorconf.render_program(central, name, side)
        places.program(name, side).write_text(text, encoding="utf-8")
    options = ServerOptions()
    options.realize(["-n", "-c", str(places.supervisord_conf)])
    return options


@pytest.mark.parametrize("name", ["plain", "a b", "käse", "$x", "a;b#c"])
def test_supervisord_reads_what_is_meant(place, name):
    """Whatever stands in the root's path: sockets, logs and commands are right."""
    central = declare(place / name / "zc", acme={}, globex={})
    options = read(central, ("acme", "a"), ("acme", "b"), ("globex", "a"))
    places = central.places
    assert options.identifier == "zc"
    assert options.nodaemon
    assert options.logfile == str(places.supervisor_log)
    assert options.pidfile == str(places.supervisor_pid)
    [server] = options.server_configs
    assert server["file"] == str(places.supervisor_socket)
    assert server["chmod"] == 0o700
    groups = {group.name: group for group in options.process_group_configs}
    assert sorted(groups) == ["acme-a", "acme-b", "globex-a"]
    [program] = groups["acme-b"].process_configs
    assert shlex.split(program.command) == [str(places.runner), "acme", "b"]
    assert program.stdout_logfile == str(central.storage_places("acme").output("b"))
    assert program.redirect_stderr is True
    assert program.exitcodes == [3]
    assert program.stopwaitsecs == supervisorconf.STOP_WAIT


def test_nothing_is_served_at_first(place):
    """Without programs supervisord starts all the same."""
    assert read(declare(place / "zc", acme={})).process_group_configs == []


def test_the_group_may_connect_and_nobody_else(place):
    """New sockets are open to the group if there is one, and else to the user."""
    alone = declare(place / "one", acme={})
    group = declare(place / "other", {"socket-group": "sites"}, acme={})
    for central, umask in ((alone, 0o077), (group, 0o007)):
        [made] = read(central, ("acme", "a")).process_group_configs
        assert made.process_configs[0].umask == umask
