"""One thread each: the tensors of tests are small, and cores are shared."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
