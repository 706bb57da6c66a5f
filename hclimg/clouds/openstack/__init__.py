"""OpenStack: how to get in, one client of its APIs, and removing what dead runs left."""
