"""The names of all options, what they are by default, and which cannot be."""

from __future__ import annotations

from collections.abc import Mapping

#: Options of a storage: the part's value holds for all, the storage's own
#: section overrides it.
STORAGE: Mapping[str, str] = {
    "zeo-address": "",
    "zeo-address-b": "",
    "ssl-certificate": "",
    "ssl-key": "",
    "ssl-authenticate": "",
    "invalidation-queue-size": "100",
    "invalidation-age": "",
    "transaction-timeout": "120",
    "drain-timeout": "10",
    "client-conflict-resolution": "false",
    "zeo-log-level": "info",
    "zeo-log-custom": "",
    "zeo-conf-additional": "",
    "pack-days": "1",
    "pack-gc": "true",
    "pack-keep-old": "true",
    "pack-at": "Sun 00:30",
    "backups": "",
    "scratch": "",
    "full-every": "7",
    "keep": "4",
    "backup-at": "daily 01:30",
    "verify-at": "Sun 04:00",
    "client-folder": "",
    "client-cache": "",
    "client-cache-size": "128MB",
    "client-blob-cache-size": "1GB",
    "client-shared-blobs": "false",
    "client-wait-timeout": "30",
    "client-host": "",
    "client-ssl-certificate": "",
    "client-ssl-key": "",
    "client-ssl-authenticate": "",
    "client-ssl-server-hostname": "",
}

#: Options of the part alone.
CENTRAL: Mapping[str, str] = {
    "root": "",
    "storages": "",
    "user": "",
    "socket-group": "",
    "sites": "",
}

#: Every option of the part.
PART: Mapping[str, str] = {**CENTRAL, **STORAGE}

_NO_PASSWORDS = "ZEO has no passwords any more; use ssl-authenticate"
_NO_PATHS = "a database is a numbered copy below root, and zeoctl makes it"
_NO_SCRIPTS = "zeoctl backup and zeoctl pack do this"
_NO_EGGS = "servers run the release of the site; its part has this option"
_NO_ZDAEMON = "supervisord runs the servers"
_NO_ZRS = "replication is not among the software"
_LOGS = "each server has its own log; zeo-log-custom changes where it goes"

#: Options of plone.recipe.zeoserver that cannot be, and why.
REFUSED: Mapping[str, str] = {
    "authentication-database": _NO_PASSWORDS,
    "authentication-realm": _NO_PASSWORDS,
    "authentication-protocol": _NO_PASSWORDS,
    "pack-user": _NO_PASSWORDS,
    "pack-password": _NO_PASSWORDS,
    "monitor-address": "ZEO has no monitor any more; zeoctl status tells it",
    "zeo-conf": "the configuration is written for each copy that is served",
    "eggs": _NO_EGGS,
    "extra-paths": _NO_EGGS,
    "relative-paths": "commands name the root by its real path",
    "repozo": _NO_SCRIPTS,
    "repozo-script-name": _NO_SCRIPTS,
    "zeopack": _NO_SCRIPTS,
    "zeopack-script-name": _NO_SCRIPTS,
    "file-storage": _NO_PATHS,
    "blob-storage": _NO_PATHS,
    "var": _NO_PATHS,
    "storage-number": "a storage is named by its copy, as in acme-prod-43",
    "effective-user": "the option user says it, for all storages",
    "socket-name": _NO_ZDAEMON,
    "pid-file": _NO_ZDAEMON,
    "zeo-log": _LOGS,
    "zeo-log-format": _LOGS,
    "zeo-log-max-size": "logs are rotated by logrotate",
    "zeo-log-old-files": "logs are rotated by logrotate",
    "read-only": "zeoctl read-only does this",
    "replicate-to": _NO_ZRS,
    "replicate-from": _NO_ZRS,
    "keep-alive-delay": _NO_ZRS,
    "msgpack": "the software has no msgpack",
}


#: What is said of options that a section cannot have.
REASONS: Mapping[str, str] = {
    **dict.fromkeys(CENTRAL, "belongs to the part, not to a storage"),
    **{name: f"is not supported: {reason}" for name, reason in REFUSED.items()},
}
