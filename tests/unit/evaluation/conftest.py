"""Makes `reports` importable in this folder and below."""
