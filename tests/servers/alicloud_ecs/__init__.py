"""A simulator of Alibaba Cloud's ECS API (with VPC, location service and STS as far as images are built with them).

It speaks the real RPC protocol, so that clients which nobody here wrote complete on it: Packer 1.6.6's builder and the
vendor's SDK. Modules: ``signature`` and ``wire`` (the protocol), ``catalogue`` (what requests may say), ``world``
(what exists), one module for each family of actions, ``faults`` (bad days on order), ``simulator`` (the server).

Time is counted in looks, not in seconds: what is Pending becomes Available after it was asked for so often.
"""
