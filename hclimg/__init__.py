"""Builds machine images from Packer templates."""

__version__ = "0.1.0"
