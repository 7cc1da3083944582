"""Decoders and encoders of image, audio and video files."""
