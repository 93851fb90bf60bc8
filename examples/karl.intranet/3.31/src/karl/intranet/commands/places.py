"""Where a site keeps its revision, its configuration and its database.

<root>/current                     the live revision
<root>/etc/site.ini                the site's configuration
<root>/releases/<version>/         sys.prefix of a release
<revision>/zodb.conf               which database belongs to the revision
"""

from __future__ import annotations

import sys
from pathlib import Path


def root() -> Path:
    """The folder of the site whose release this program runs from."""
    return Path(sys.prefix).resolve().parent.parent


def current_revision() -> Path:
    """The live revision; its real path, because ``current`` may move."""
    return (root() / "current").resolve()


def configuration() -> Path:
    """The ini file of the site."""
    return root() / "etc" / "site.ini"
