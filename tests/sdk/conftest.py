"""A context for every test here, and what was said in it."""

from servers.flaky_http import remote
from servers.recording import ctx, recorded, recording

__all__ = ["ctx", "recorded", "recording", "remote"]
