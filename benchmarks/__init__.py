"""Speed and memory, both sides of a comparison in one run: `python -m benchmarks`, or `make bench`."""
