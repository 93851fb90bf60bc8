"""``bin/tour``."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tour.command import main  # after the path is set

sys.exit(main())
