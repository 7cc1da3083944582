"""`python -m facegen`."""

import sys

from facegen.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
