"""Builds machine images from Packer templates."""

__version__ = "0.1.0"

PACKER_VERSION = "1.16.0"
"""The version of Packer whose templates hclimg understands: ``packer.version``, checked against constraints."""
