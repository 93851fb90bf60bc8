"""The command line of zeoctl: verbs, arguments and what they print."""
