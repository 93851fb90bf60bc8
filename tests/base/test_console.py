from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import sys
from karl.recipe.release.base.console import Console

console = Console()
sys.stdin.readline()
console.say("one")
console.warn("two")
task = console.task("three")
task.done()
print("done")
"""


def test_nobody_reads():
    """Work goes on, and ends well, when nobody reads what is told of it any more."""
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True,
    ) as child:  # fmt: skip
        child.stderr.close()
        child.stdin.write("\n")
        child.stdin.close()
        assert child.stdout.read() == "done\n"
    assert child.returncode == 0
