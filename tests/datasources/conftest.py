"""A web server for every test here."""

from servers.answering import answering

__all__ = ["answering"]
