"""An audit in one line: see `python -m symrl_lite.symmetry --help`."""

import sys

from symrl_lite.symmetry.command import main

if __name__ == "__main__":
    sys.exit(main())
