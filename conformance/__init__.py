"""Checks against what HCL and Packer do: our own cases, and external corpora that stay where they are."""
