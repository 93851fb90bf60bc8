"""What options mean, one by one, and that every error is told at once."""

from __future__ import annotations

import json

import pytest

from karl.recipe.evolve.declaration import options
from karl.recipe.evolve.declaration.model import (
    MOMENTS,
    Address,
    CronJob,
    Refresh,
    SiteDeclaration,
)
from karl.recipe.release.base.errors import DamagedError, RefusedError, UsageError

ROOT = "/srv/sites/acme-prod"


def read(**given: str) -> SiteDeclaration:
    """Return what these options declare."""
    part = {"recipe": "karl.recipe.evolve", "root": ROOT}
    part |= {name.replace("_", "-"): value for name, value in given.items()}
    return options.read({"buildout": {"directory": "/checkout"}}, "evolve", part)


def refused(**given: str) -> str:
    """Return what is said of options that cannot be."""
    with pytest.raises(UsageError) as caught:
        read(**given)
    assert "nothing was written" in caught.value.tip
    return caught.value.message


def test_the_defaults_are_complete():
    """Only the root must be given."""
    found = read()
    assert found.name == "acme-prod"
    assert found.serving.address == Address(path=f"{ROOT}/var/run/site.sock")
    assert found.serving.application == f"{ROOT}/etc/site.ini"
    assert (found.storage, found.zeo_command) == ("", ())
    assert (found.serving.workers, found.serving.control) == (2, "supervisord")
    assert set(found.hooks) == set(MOMENTS)
    assert not any(found.hooks.values())


def test_whose_data_come_here():
    """Nothing comes by default; with ``none``, what comes is left as it is."""
    assert read().refresh is None
    found = read(zeo_command="zeoctl", refresh_from="acme-live", scrub="none")
    assert found.refresh == Refresh("acme-live", ())


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"refresh_from": "acme-live"}, "refresh-from needs scrub"),
        ({"refresh_from": "acme-prod", "scrub": "none"}, "from itself"),
        ({"refresh_from": "acme-live", "scrub": "none\na:b"}, "none does not go with"),
        ({"scrub": "none"}, "scrub needs refresh-from"),
        ({"refresh_from": "Acme Live", "scrub": "none"}, "a storage's name can have"),
        (
            {"refresh_from": "acme-live", "scrub": "none", "zeo_command": ""},
            "refresh-from needs zeo-command",
        ),
    ],
)
def test_data_must_not_come_here_by_mistake(given, problem):
    """What is done to another site's data has to be said, and from where they come."""
    assert problem in refused(**{"zeo_command": "zeoctl", **given})


def test_everything_reads_back(tmp_path):
    """What is written to etc/upgrade.json is read from there, whole."""
    found = read(
        root=str(tmp_path / "acme-prod"), zeo_command="ssh zeo@db1 /srv/bin/zeoctl",
        before_read_only="a 'b c'\nd", cron="5 * * * * x\n@daily y z",
        address="[::1]:8080", process_control="systemd", systemctl="sudo systemctl",
        mode_page="page.html", window_limit="30.5", safe_posts="/login",
        evolve_packages="acme.old\nacme.other", evolve_context="site",
        refresh_from="acme-live", scrub="acme.scrubbing:scrub\nsed -i 's/a b//' x",
    )  # fmt: skip
    assert found.storage == "acme-prod"
    assert found.evolve_packages == ("acme.old", "acme.other")
    assert found.evolve_options[-1] == "--context=site"
    assert found.hooks["before-read-only"] == (("a", "b c"), ("d",))
    assert found.cron[0] == CronJob("5 * * * *", ("x",))
    assert found.cron[1] == CronJob("@daily", ("y", "z"))
    assert found.serving.mode_page == f"{found.root}/etc/mode-page.html"
    assert found.timeouts.window == 30.5
    found.places.etc.mkdir(parents=True)
    found.places.declaration.write_text(found.to_text())
    assert SiteDeclaration.load(found.places) == found


@pytest.mark.parametrize(
    ("content", "error"),
    [(None, RefusedError), ("{", DamagedError), ("{}", DamagedError),
     ("[]", DamagedError), ('{"format": 2}', DamagedError)],
)  # fmt: skip
def test_a_declaration_that_cannot_be_read(tmp_path, content, error):
    """A missing or damaged file is told, with what to do."""
    places = read(root=str(tmp_path / "x")).places
    places.etc.mkdir(parents=True)
    if content is not None:
        places.declaration.write_text(content)
    with pytest.raises(error, match=r"upgrade\.json"):
        SiteDeclaration.load(places)


def test_an_unknown_field_is_damage(tmp_path):
    """A file of a newer recipe is not half understood."""
    found = read(root=str(tmp_path / "x"))
    content = json.loads(found.to_text())
    content["serving"]["colour"] = "red"
    found.places.etc.mkdir(parents=True)
    found.places.declaration.write_text(json.dumps(content))
    with pytest.raises(DamagedError):
        SiteDeclaration.load(found.places)


@pytest.mark.parametrize(
    ("text", "address", "shown"),
    [
        ("8080", Address(host="127.0.0.1", port=8080), "127.0.0.1:8080"),
        ("localhost:80", Address(host="localhost", port=80), "localhost:80"),
        ("127.0.0.2:80", Address(host="127.0.0.2", port=80), "127.0.0.2:80"),
        ("/run/a.sock", Address(path="/run/a.sock"), "unix:/run/a.sock"),
        ("unix:/run/a.sock", Address(path="/run/a.sock"), "unix:/run/a.sock"),
        ("run/a.sock", Address(path="/checkout/run/a.sock"),
         "unix:/checkout/run/a.sock"),
    ],
)  # fmt: skip
def test_addresses(text, address, shown):
    """A port, a host with a port, or the path of a socket."""
    found = read(address=text).serving.address
    assert found == address
    assert str(found) == shown


@pytest.mark.parametrize("text", ["0.0.0.0:80", "*:80", "192.0.2.1:80"])
def test_no_strangers(text):
    """Other machines can connect only if that is said."""
    assert "public = true" in refused(address=text)
    assert read(address=text, public="true").serving.address.port == 80
    assert "public = true" in refused(address="[::]:80", process_control="systemd")


HOSTILE = {
    "address": [
        "0", "65536", "x", "host:", ":", "example.org:80", "::1:80", "[::1:80",
        "1.2.3:80", "/" + "x" * 200, "/a/b%c", "/a\nb", "a/$(x)'", "80 81",
    ],
    "evolve-packages": ["acme-old", "a..b", ".a", "a.1", "a b/c"],
    "evolve-context": ["a\nb"],
    "workers": ["0", "1", "65", "-1", "two", "2.5", "", "٢"],
    "threads": ["0", "257", "x"],
    "health-path": ["healthz", "", "/a?b", "/a#b", "http://x/", "/a\x00"],
    "safe-posts": ["login", "/a b"],
    "retry-after": ["0", "-1", "86401", "soon"],
    "process-control": ["", "runit", "Systemd"],
    "supervisord": ["", "~/x", "a/b'c", "/x\ny", "/a %b"],
    "systemctl": ["", "a\nb", "'"],
    "user": ["a b", "1x", "../x", "x" * 40, "a;b"],
    "storage": ["A", "../x", "a/b", "a b", "-a"],
    "zeo-command": ["'", "a\nb", "''", "a\x07"],
    "before-read-only": ["'a", "''", "a\x07"],
    "after-rollback": ['"x'],
    "cron": [
        "* * * *", "* * * * *", "@never x", "@daily", "* * * * ; x", "x", "% * * * * x",
        "* * * * * 'x", "* * * * * ''", "$(x) * * * * x",
    ],
    "mode-page": ["~/page", "a\nb"],
    "application": ["~/x.ini", "a\nb"],
    "start-timeout": ["0", "0.5", "x", "1e3", "-1", "inf", "nan"],
    "window-limit": ["-1", "x"],
    "public": ["maybe", ""],
    "root": ["~/x", "/srv/a b", "/srv/a\nb", "/srv/'a'/b", "/srv/%i/b", "/",
             "/srv/" + "x" * 65, "/" + "x" * 60 + "/" + "y" * 60],
}  # fmt: skip


@pytest.mark.parametrize(
    ("option", "text"),
    [(option, text) for option, texts in HOSTILE.items() for text in texts],
)
def test_hostile_values(option, text):
    """What cannot be is refused, and named by its option."""
    assert option in refused(**{option.replace("-", "_"): text})


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"storage": "acme"}, "zeo-command"),
        ({"adress": "80"}, "is address meant?"),
        ({"colour": "red"}, "there is no option colour"),
        ({"address": "[::1]:80"}, "supervisord cannot listen on an IPv6"),
        ({"workers": "1"}, "process-control = systemd"),
        ({"root": "/srv/ACME", "zeo-command": "z"}, "storage is missing"),
    ],
)
def test_options_that_do_not_go_together(given, told):
    """Each is refused with what can be done."""
    assert told in refused(**{k.replace("-", "_"): v for k, v in given.items()})


def test_one_process_under_systemd():
    """systemd keeps the socket open by itself."""
    assert read(workers="1", process_control="systemd").serving.workers == 1


def test_every_error_at_once():
    """All that is wrong is told in one run, each once."""
    with pytest.raises(UsageError) as caught:
        options.read(
            {"buildout": {"directory": "/checkout"}}, "evolve",
            {"workers": "0", "threads": "x", "adress": "1", "cron": "x"},
        )  # fmt: skip
    message = caught.value.message
    for word in ("root is missing", "workers = ", "threads = ", "adress", "cron = "):
        assert message.count(word) == 1


def test_paths_survive_the_checkout(place):
    """Paths through the checkout's folders are written without their dots.

    A link that comes after them, such as ``current``, is not followed.
    """
    (place / "checkout" / "buildouts").mkdir(parents=True)
    central = place / "checkout" / "sites" / "zc"
    (central / "releases").mkdir(parents=True)
    (central / "current").symlink_to("releases")
    base = f"{place}/checkout/buildouts/.."
    found = read(
        root=f"{base}/sites/acme-prod",
        supervisord=f"{base}/sites/zc/current/bin/supervisord",
        zeo_command=f"{base}/sites/zc/bin/zeoctl",
        before_evolve=f"x --path {base}/sites/zc/current/y ../z",
    )
    sites = f"{place}/checkout/sites"
    assert found.root == f"{sites}/acme-prod"
    assert found.serving.supervisord == f"{sites}/zc/current/bin/supervisord"
    assert found.zeo_command == (f"{sites}/zc/bin/zeoctl",)
    assert found.hooks["before-evolve"] == (
        ("x", "--path", f"{sites}/zc/current/y", "../z"),
    )
