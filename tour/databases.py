"""The chapters about databases and the site's processes."""

from __future__ import annotations

from tour.telling import Row
from tour.workshop import Workshop


def serve(shop: Workshop, row: Row) -> None:
    """Build and start the database server; make the site's database."""
    shop.buildout("zeo-central")
    shop.run(shop.central / "bin" / "switch-version", "1")
    zeoctl = shop.central / "bin" / "zeoctl"
    shop.run(zeoctl, "init", "acme-prod")
    shop.closing.append(lambda: shop.run(zeoctl, "stop", "--all", "--supervisor"))
    shop.run(zeoctl, "start", "acme-prod")
    row.found = "a server process for acme-prod, on a Unix socket"


def go_live(shop: Workshop, row: Row) -> None:
    """Make release 1.0 live, and start the site."""
    shop.run(shop.site / "bin" / "evolve", "1.0")
    site = shop.site / "bin" / "site"
    shop.closing.append(lambda: shop.run(site, "stop"))
    shop.run(site, "start")
    status = shop.answer(site, "status")
    row.found = f"{len(status['workers'])} processes serve {status['address']}"


def fill(shop: Workshop, row: Row, documents: int) -> None:
    """Fill the site with documents."""
    fill = shop.site / "current" / "release" / "bin" / "karl-fill"
    shop.run(fill, str(documents), "--quiet")
    row.found = f"{documents} documents, some with files"


def back_up(shop: Workshop, row: Row) -> None:
    """Back up, and prove that the backup can be restored."""
    zeoctl = shop.central / "bin" / "zeoctl"
    shop.run(zeoctl, "backup", "acme-prod")
    shop.run(zeoctl, "verify-backup", "acme-prod", "--drill")
    row.found = "restored to a scratch copy, every record and blob read"
