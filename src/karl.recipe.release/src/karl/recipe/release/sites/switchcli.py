"""The command ``switch-version``."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from karl.recipe.release.base.command import (
    entered,
    print_json,
    print_text,
)
from karl.recipe.release.base.console import Console
from karl.recipe.release.base.errors import DamagedError, RefusedError, UsageError
from karl.recipe.release.base.layout import SiteLayout
from karl.recipe.release.base.names import checked_label
from karl.recipe.release.sites.revisions import Binding
from karl.recipe.release.sites.switchoptions import build_parser, mode_of


def main(site: str | None = None, argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code.

    :param site: the site's folder, where the command was written for one.
    """
    return entered(argv, lambda words, console: _run(site, words, console))


def _run(site: str | None, words: list[str], console: Console) -> int:
    parser = build_parser(site)
    options = parser.parse_args(words)
    mode = mode_of(options, parser)
    if not options.site:
        raise UsageError("Which site?", "Name its folder with --site.")
    layout = SiteLayout(Path(os.path.abspath(options.site)))
    if not layout.config.is_file():
        raise RefusedError(
            f"{layout.root} is not a site: it has no {layout.config.name}.",
            "Name the folder of a site with --site, or run its buildout.",
        )
    return _COMMANDS[mode](layout, options, mode, console)


def _refuse_root(site: SiteLayout) -> None:
    from karl.recipe.release.sites.sitestate import refuse_root

    refuse_root(site)


def _binding(options: argparse.Namespace) -> Binding | None:
    if options.zodb_conf is None:
        return None
    try:
        if options.zodb_conf == "-":
            text = sys.stdin.buffer.read().decode()
        else:
            text = Path(options.zodb_conf).read_bytes().decode()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"{options.zodb_conf} cannot be read: {error}.",
            "Name a readable text file with --zodb-conf.",
        ) from None
    return Binding(checked_label(options.database), text)


def _switch(
    site: SiteLayout, options: argparse.Namespace, mode: str, console: Console
) -> int:
    from karl.recipe.release.sites import switch
    from karl.recipe.release.sites.switchplan import SwitchRequest

    number = options.activate if mode == "activate" else options.to
    request = SwitchRequest(
        action=mode,
        release=checked_label(options.version) if options.version else "",
        to=number,
        binding=_binding(options),
        configured=options.configured,
        note=options.note,
        full=options.full,
        accept_damaged=options.accept_damaged,
        hooks=not options.no_hooks,
        smoke=not options.no_smoke_test,
        smoke_timeout=options.smoke_timeout,
        wait=options.wait,
    )
    if options.dry_run:
        plan, lines = switch.dry_run(site, request, console)
        found = {"dry_run": True, "action": plan.action, "plan": lines}
        text = "\n".join(("Would:", *(f"  {line}" for line in lines)))
        return _show(options, {**found, **_about(plan)}, text)
    _refuse_root(site)
    result = switch.switch(site, request, console)
    plan = result.plan
    found = {
        "action": plan.action,
        "changed": result.changed,
        "hooks": result.hooks,
        "warnings": list(result.warnings),
        "seconds": result.seconds,
        **_about(plan),
    }
    if result.changed and mode == "prepare":
        text = f"Revision {plan.number} (release {plan.release}) is prepared."
    elif result.changed:
        text = f"Revision {plan.number} (release {plan.release}) is live."
    else:
        text = (
            f"Nothing to do: revision {plan.number} (release {plan.release}) "
            f"is {'prepared' if mode == 'prepare' else 'live'} already."
        )
    return _show(options, found, text)


def _about(plan: Any) -> dict[str, Any]:
    return {
        "revision": plan.number,
        "release": plan.release,
        "previous": plan.previous,
    }


def _discard(
    site: SiteLayout, options: argparse.Namespace, mode: str, console: Console
) -> int:
    return _small(site, options, mode, options.discard)


def _pin(
    site: SiteLayout, options: argparse.Namespace, mode: str, console: Console
) -> int:
    return _small(site, options, mode, options.pin or options.unpin)


def _small(
    site: SiteLayout, options: argparse.Namespace, mode: str, number: int
) -> int:
    from karl.recipe.release.sites import sitestate, smallchanges

    change = smallchanges.CHANGES[mode]
    if options.dry_run:
        changed = change.check(sitestate.observe(site), number)
    else:
        _refuse_root(site)
        changed = smallchanges.make(site, change, number, options.wait)
    found = {"action": mode, "revision": number, "changed": changed}
    if options.dry_run:
        found["dry_run"] = True
    verb = change.would if options.dry_run else change.did
    text = f"Revision {number} {verb if changed else change.was}."
    return _show(options, found, text)


def _list(
    site: SiteLayout, options: argparse.Namespace, mode: str, console: Console
) -> int:
    from karl.recipe.release.sites import listing

    found = listing.list_site(site)
    return _show(options, found, "" if options.json else listing.render_list(found))


def _verify(
    site: SiteLayout, options: argparse.Namespace, mode: str, console: Console
) -> int:
    from karl.recipe.release.sites import listing

    if options.all:
        found = listing.verify_everything(site, console)
    else:
        versions = [options.version] if options.version else []
        found = listing.verify_releases(site, versions, console)
    _show(options, found, listing.render_verify(found))
    return 0 if found["intact"] else DamagedError.exit_code


def _prune(
    site: SiteLayout, options: argparse.Namespace, mode: str, console: Console
) -> int:
    from karl.recipe.release.sites import prune
    from karl.recipe.release.sites.siteconfig import SiteConfig

    if options.yes:
        _refuse_root(site)
    plan = prune.prune(
        site,
        options.keep or SiteConfig.load(site).keep,
        console,
        unused=options.unused,
        execute=options.yes,
        wait=options.wait,
    )
    found = {
        "action": mode,
        "dry_run": not options.yes,
        "revisions": list(plan.revisions),
        "releases": list(plan.releases),
        "kept": {str(number): reason for number, reason in plan.kept.items()},
        "kept_releases": plan.kept_releases,
    }
    return _show(options, found, prune.render(plan, executed=options.yes))


def _show(options: argparse.Namespace, found: dict[str, Any], text: str) -> int:
    if options.json:
        print_json(found)
    elif text:
        print_text(text)
    return 0


_Command = Callable[[SiteLayout, argparse.Namespace, str, Console], int]
_COMMANDS: dict[str, _Command] = {
    "switch": _switch,
    "prepare": _switch,
    "rollback": _switch,
    "activate": _switch,
    "discard": _discard,
    "list": _list,
    "verify": _verify,
    "prune": _prune,
    "pin": _pin,
    "unpin": _pin,
}

if __name__ == "__main__":
    sys.exit(main())
