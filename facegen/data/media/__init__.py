"""Readers of pictures and sound from files of any kind."""
