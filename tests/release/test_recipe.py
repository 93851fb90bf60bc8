"""The recipe in real runs of zc.buildout: whatever happens, releases stay."""

from __future__ import annotations

import configparser
import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import zc.buildout
from support.registries import public_registry
from support.wheels import make_sdist
from support.workshop import Workshop, library, product, run

from karl.recipe.release import recipe
from karl.recipe.release.base import files
from karl.recipe.release.base.layout import ReleaseLayout, SiteLayout
from karl.recipe.release.base.names import IndexName
from karl.recipe.release.distributions.packages import File, Package
from karl.recipe.release.trees import verification

BUILDOUT = "import zc.buildout.buildout as b; b.main()"


@dataclass
class Checkout:
    """A folder with buildout configurations, run by the real zc.buildout."""

    workshop: Workshop
    root: Path
    parts: dict[str, dict[str, str]] = field(default_factory=dict)
    buildout: dict[str, str] = field(default_factory=dict)

    def release(self, site: str = "acme-prod", **options: str) -> dict[str, str]:
        """Return a section that builds a release."""
        return {
            "recipe": "karl.recipe.release",
            "root": f"{self.root}/sites/{site}",
            "version": "1.0",
            "index": "acme/1.0",
            "eggs": "product",
            "pool": str(self.workshop.software.pool),
            "indexes": str(self.workshop.software.indexes),
            "store": str(self.workshop.software.store),
            "system-linked": "",
            "workers": "1",
            **{name.replace("_", "-"): value for name, value in options.items()},
        }

    def run(
        self, *arguments: str, name: str = "buildout.cfg", **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """Write the configuration and run zc.buildout with it."""
        config = configparser.RawConfigParser()
        config["buildout"] = {
            "parts": " ".join(self.parts),
            "newest": "false",
            "offline": "true",
            **self.buildout,
        }
        for part, options in self.parts.items():
            config[part] = options
        path = self.root / name
        with path.open("w") as stream:
            config.write(stream)
        return subprocess.run(
            [sys.executable, "-c", BUILDOUT, "-c", path, *arguments],
            check=False, capture_output=True, text=True, cwd="/",
            env={"PATH": os.environ["PATH"], **variables},
        )  # fmt: skip

    def good(self, *arguments: str, **options: str) -> str:
        """Run zc.buildout, which must succeed, and return what it said."""
        done = self.run(*arguments, **options)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def bad(self, *arguments: str, **options: str) -> str:
        """Run zc.buildout, which must fail, and return what it said."""
        done = self.run(*arguments, **options)
        assert done.returncode != 0
        assert "Traceback" not in done.stdout + done.stderr, done.stderr
        return done.stdout + done.stderr

    def site(self, name: str = "acme-prod") -> SiteLayout:
        return SiteLayout(self.root / "sites" / name)

    def sealed(self) -> dict[str, int]:
        """Return the whole releases of all sites with their inodes, all verified."""
        found = {}
        for path in sorted((self.root / "sites").glob("*/releases/*")):
            assert verification.verify(ReleaseLayout(path), full=True) == []
            found[str(path.relative_to(self.root / "sites"))] = path.stat().st_ino
        return found


@pytest.fixture
def checkout(acme: Workshop, tmp_path: Path) -> Checkout:  # hides the real one
    acme.index("acme/1.1", product("1.1"), library())
    root = tmp_path / "checkout"
    root.mkdir()
    made = Checkout(acme, root)
    made.parts["release"] = made.release()
    return made


def test_builds(checkout: Checkout):
    """One run builds the release and the site's command; the next one is a no-op."""
    said = checkout.good()
    before = checkout.sealed()
    assert list(before) == ["acme-prod/releases/1.0"]
    assert os.access(checkout.site().bin / "switch-version", os.X_OK)
    assert "unused" not in said.lower()
    again = checkout.good()
    assert "Updating release" in again
    assert checkout.sealed() == before


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give files away")
def test_root_leaves_another_users_site_alone(checkout: Checkout):
    """Files that root would write, the site's user could not change any more."""
    checkout.good()
    before = checkout.sealed()
    os.chown(checkout.site().root, 65534, 65534)
    said = checkout.bad("release:version=1.1", "release:index=acme/1.1")
    assert "belongs to user 65534, and you are root" in said
    assert checkout.sealed() == before


def open_to_strangers(*roots: Path) -> list[Path]:
    """Return what every user may write to."""
    return [
        path
        for root in roots
        for path in [root, *root.rglob("*")]
        if not path.is_symlink() and path.stat().st_mode & 0o002
    ]


def test_open_umask(checkout: Checkout):
    """With umask 0, as daemons have it, nothing gets open to strangers' writing."""
    software, site = checkout.workshop.software, checkout.site()
    index = {"recipe": "karl.recipe.release:index", "index": "acme/1.0"}
    index |= {name: str(getattr(software, name)) for name in ("pool", "indexes")}
    checkout.parts = {"index": index, **checkout.parts}
    files.remove_tree(software.index(IndexName("acme", "1.0")).simple)
    before = os.umask(0)
    try:
        checkout.good()
        run([site.bin / "switch-version", "1.0"])
    finally:
        os.umask(before)
    assert site.current.exists()
    assert software.index(IndexName("acme", "1.0")).simple.is_dir()
    roots = (site.root, software.pool, software.indexes, software.store)
    assert open_to_strangers(*roots) == []


def test_returns_no_path(checkout: Checkout):
    """zc.buildout is told of no path, so it has none to delete."""
    checkout.good()
    installed = (checkout.root / ".installed.cfg").read_text()
    assert re.search(r"^__buildout_installed__ =\s*$", installed, re.MULTILINE)


def test_version_on_the_command_line(checkout: Checkout):
    """Another version is built beside the old one, from one option."""
    checkout.good()
    before = checkout.sealed()
    checkout.good("release:version=1.1", "release:index=acme/1.1")
    after = checkout.sealed()
    assert after.keys() == {"acme-prod/releases/1.0", "acme-prod/releases/1.1"}
    assert after["acme-prod/releases/1.0"] == before["acme-prod/releases/1.0"]


def remove_part(checkout: Checkout) -> None:
    del checkout.parts["release"]


def rename_part(checkout: Checkout) -> None:
    checkout.parts["other"] = checkout.parts.pop("release")


def change_recipe(checkout: Checkout) -> None:
    checkout.parts["release"] = {"recipe": "zc.recipe.egg:eggs", "eggs": ""}


def change_root(checkout: Checkout) -> None:
    checkout.parts["release"]["root"] += "-new"


def change_eggs(checkout: Checkout) -> None:
    checkout.parts["release"]["eggs"] = "library"


def change_script(checkout: Checkout) -> None:
    checkout.parts["release"]["interpreter"] = "py"


def lose_index(checkout: Checkout) -> None:
    checkout.parts["release"]["index"] = "gone/1.0"


def unmet_eggs(checkout: Checkout) -> None:
    checkout.parts["release"] |= {"eggs": "nothing", "version": "2.0"}


def fail_before(checkout: Checkout) -> None:
    checkout.parts = {"bad": {"recipe": "karl.recipe.release"}, **checkout.parts}


def fail_after(checkout: Checkout) -> None:
    bad = {"recipe": "zc.recipe.egg:scripts", "eggs": "karl.recipe.release",
           "entry-points": "no entry point"}  # fmt: skip
    checkout.parts["bad"] = bad
    checkout.parts["release"]["version"] = "2.0"


def change_tools(checkout: Checkout) -> None:
    checkout.parts["release"] |= {"keep": "9", "after-switch": "/bin/true 'a b'"}


def damage(checkout: Checkout) -> None:
    # Undone by the test, which then finds everything else as it was.
    checkout.site().release("1.0").root.chmod(0o755)


@pytest.mark.parametrize(
    ("change", "fails"),
    [
        (remove_part, False),
        (rename_part, False),
        (change_recipe, False),
        (change_root, False),
        (change_tools, False),
        (change_eggs, True),
        (change_script, True),
        (lose_index, True),
        (unmet_eggs, True),
        (fail_before, True),
        (fail_after, True),
        (damage, True),
    ],
)
def test_releases_stay(change, fails: bool, checkout: Checkout):
    """No run changes or deletes a release, whatever changes, goes or fails."""
    checkout.good()
    before = checkout.sealed()
    site = checkout.site()
    names = sorted(path.name for path in site.root.iterdir())
    change(checkout)
    (checkout.bad if fails else checkout.good)()
    if change is damage:
        site.release("1.0").root.chmod(0o555)
    after = checkout.sealed()
    assert before.items() <= after.items()
    assert sorted(path.name for path in site.root.iterdir()) == names
    assert os.access(site.bin / "switch-version", os.X_OK)
    if fails:
        checkout.parts = {"release": checkout.release()}
        checkout.good()
        assert before.items() <= checkout.sealed().items()


@pytest.mark.parametrize("own", [True, False])
def test_several_customers(own: bool, checkout: Checkout):
    """Customers' configurations in one checkout leave each other's sites alone.

    Even if they share ``installed``, so that each run uninstalls the other's part.
    """
    for _ in range(2):
        for site in ("acme-prod", "acme-staging", "globex-prod"):
            checkout.parts = {f"release-{site}": checkout.release(site)}
            if own:
                checkout.buildout["installed"] = str(checkout.root / f".{site}.cfg")
            checkout.good(name=f"{site}.cfg")
        seen = checkout.sealed()
        assert list(seen) == [
            f"{site}/releases/1.0"
            for site in ("acme-prod", "acme-staging", "globex-prod")
        ]


def test_prerequisites_first(checkout: Checkout, tmp_path: Path):
    """What is missing is all named before any part fetches, freezes or builds."""
    software = checkout.workshop.software
    sdist = make_sdist(tmp_path / "made", "lxml", "1.0")
    digest = files.sha256_of(sdist)
    package = Package(
        "lxml", "1.0", sdist=File(sdist.name, digest, sdist.stat().st_size)
    )
    checkout.workshop.index(
        "acme/3.0", product(), library(), packages=[package], system_linked=("lxml",)
    )
    (software.pool / "product-1.0-py3-none-any.whl").unlink()
    own = {name: str(getattr(software, name)) for name in ("pool", "indexes", "store")}
    index = {"recipe": "karl.recipe.release:index", "index": "acme/3.0", **own}
    checkout.parts = {"index": index, "release": checkout.release(index="acme/3.0")}
    del checkout.parts["release"]["system-linked"]
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "sh").symlink_to("/bin/sh")

    def seen() -> set[str]:
        return {str(path) for path in tmp_path.rglob("*")}

    checkout.bad()  # writes the configuration
    with public_registry(tmp_path / "public") as public:
        before = seen()
        checkout.parts["index"]["registry"] = public.url
        checkout.parts["release"]["registry"] = public.url
        checkout.buildout["offline"] = "false"
        done = checkout.run(PATH=str(tools), PKG_CONFIG_LIBDIR=str(tools))
        assert public.asked == []
    said = done.stdout + done.stderr
    assert done.returncode == 1, said
    assert "apt-get install binutils gcc libxml2-dev libxslt1-dev" in said
    assert "Installing index" not in said
    assert seen() == before
    assert not checkout.site().root.exists()


def test_options_do_not_flap(checkout: Checkout):
    """Hash randomisation makes no part look changed."""
    options = {"eggs": "product\n  library", "scripts": "product libtool",
               "entry-points": "a=library:tool b=library:tool",
               "zodb-conf": "<zodb>\n  </zodb>"}  # fmt: skip
    checkout.parts["release"] |= options
    checkout.good(PYTHONHASHSEED="1")
    for seed in ("2", "3"):
        said = checkout.good(PYTHONHASHSEED=seed)
        assert "Updating release" in said
        assert "Uninstalling" not in said


def test_every_option(checkout: Checkout):
    """No option that the recipe knows is reported as unused."""
    checkout.parts["release"] |= {
        "scripts": "product", "entry-points": "x=library:tool", "interpreter": "py",
        "initialization": "import os", "arguments": "1", "dependent-scripts": "true",
        "zodb-conf": "<zodb/>", "database": "1", "after-switch": "/bin/true",
        "keep": "3", "smoke-timeout": "9", "hook-timeout": "9", "registry": "",
        "site-ini": "[app]",
    }  # fmt: skip
    assert recipe.DEFAULTS.keys() <= checkout.parts["release"].keys()
    assert "unused" not in checkout.good().lower()


def test_initialization_of_several_lines(checkout: Checkout):
    """Initialization keeps its lines, as zc.buildout hands them over."""
    checkout.parts["release"]["initialization"] = "\n  x = 1\n  y = x + 1"
    checkout.parts["release"]["interpreter"] = "py"
    checkout.good()
    assert run([checkout.site().release("1.0").bin / "py", "-c", "print(y)"]) == "2\n"


def read(**options: str | None) -> recipe.ReleaseOptions:
    """Return options as the recipe reads them."""
    given = {"recipe": "x", "root": "sites/acme", "version": "1", "index": "a/1",
             "eggs": "product", **options}  # fmt: skip
    section = {
        name.replace("_", "-"): value
        for name, value in given.items()
        if value is not None
    }
    buildout = {"buildout": {"directory": "/srv/checkout"}}
    return recipe.Release(buildout, "release", section).options


def test_a_question_ends_with_its_mark():
    """A message that asks what is meant has no full stop behind it."""
    with pytest.raises(zc.buildout.UserError) as caught:
        read(egs="x")
    assert "is eggs meant?\n" in str(caught.value)


def test_defaults():
    """Places are below the folder of the buildout; lxml is system-linked."""
    found = read()
    assert found.place.site.root == Path("/srv/checkout/sites/acme")
    assert found.place.software.pool == Path("/srv/checkout/pool")
    assert [one.name for one in found.specification.system_linked] == ["lxml"]
    assert found.specification.scripts is None
    assert found.config.keep == 5


ROOTS = [
    ("site", "path site/var/x", "path {}/var/x"),
    ("site", "use = egg:acme.site#main\nname = site", None),
    ("site", "my-site/x acme.site/x a/site/x sites/x ~site/x", None),
    ("site/", "path=site/var './site/etc'", "path={}/var '{}/etc'"),
    ("sites/acme", "sites/acme sites/acme-2/x", "{} sites/acme-2/x"),
    ("/srv/x/../acme", "ls /srv/x/../acme; file:///srv/x/../acme/a",
     "ls /srv/acme; file:///srv/acme/a"),
    ("/srv/acme", "/srv/acme.old /srv/acme2 /mnt/srv/acme/a", None),
]  # fmt: skip


@pytest.mark.parametrize(("root", "text", "expected"), ROOTS)
def test_real_root(root: str, text: str, expected: str | None):
    """The root is written by its real path where it is a path, and nowhere else."""
    found = read(root=root, site_ini=text, zodb_conf=text)
    real = "/srv/checkout/" + root.strip("/")
    wanted = text if expected is None else expected.replace("{}", real)
    assert found.site_ini == wanted + "\n"
    assert found.config.zodb_conf == wanted


def test_empty_options():
    """Empty is not absent: no scripts, nothing system-linked."""
    found = read(scripts="", system_linked="")
    assert found.specification.scripts == ()
    assert found.specification.system_linked == ()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"egs": "x"}, "there is no option egs; is eggs meant?"),
        ({"frobnicate": "x"}, "there is no option frobnicate; there are after-switch"),
        ({"extra_paths": "x"}, "extra-paths is not supported: a release holds nothing"),
        ({"relative_paths": "true"}, "relative-paths is not supported"),
        ({"root": None}, "the option root is missing"),
        ({"eggs": None}, "the option eggs is missing"),
        ({"index": "acme"}, "'acme' does not name an index"),
        ({"version": "../1"}, "'../1' cannot be a name here"),
        ({"keep": "many"}, "keep = 'many' is not a number"),
        ({"workers": "-1"}, "workers = '-1' is not a number"),
        ({"smoke_timeout": "nan"}, "smoke-timeout = 'nan' is not a number"),
        ({"hook_timeout": "inf"}, "hook-timeout = 'inf' is not a number"),
        ({"after_switch": "echo 'x"}, "after-switch is malformed"),
        ({"dependent_scripts": "yes"}, "neither true nor false"),
    ],
)
def test_problems(options: dict[str, str | None], message: str):
    """Every problem is a UserError that names the option; all come at once."""
    with pytest.raises(zc.buildout.UserError) as caught:
        read(**{"scripts": "a=/", **options})
    assert message in str(caught.value)
    assert "'/' cannot be the name of a script" in str(caught.value)
