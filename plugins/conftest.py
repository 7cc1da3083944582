"""Makes every plugin below importable to its own tests, without installing it."""

import sys
from pathlib import Path

for project in sorted(Path(__file__).parent.glob("*/pyproject.toml")):
    sys.path.insert(0, str(project.parent))
