"""A context for every test here, and what was said in it."""

from servers.recording import ctx, recorded, recording

__all__ = ["ctx", "recorded", "recording"]
