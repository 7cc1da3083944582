"""Re-runs of the two papers' findings, and of what the measures say; `python -m studies` lists them."""
