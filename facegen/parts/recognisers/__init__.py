"""Pretrained recognisers of faces and voices."""
