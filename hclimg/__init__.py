"""Builds machine images from Packer templates."""
