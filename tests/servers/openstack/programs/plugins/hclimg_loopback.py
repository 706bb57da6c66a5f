"""A mechanism of neutron's ML2 plugin for loopback, where there is no agent: it binds every port at once, and leads
connections to the SSH port of a floating address on to the server.
"""

import os
from contextlib import suppress

import eventlet
from neutron_lib import constants
from neutron_lib.callbacks import events, registry, resources
from neutron_lib.plugins.ml2 import api
from sqlalchemy.orm import configure_mappers

PORT = int(os.environ.get("HCLIMG_SSH_PORT", "0"))


class Driver(api.MechanismDriver):
    def initialize(self):
        """Neutron uses relations of its tables that exist only once all are known, which its agents' first words do."""
        configure_mappers()
        self.targets = {}
        registry.subscribe(self.lead, resources.FLOATING_IP, events.AFTER_UPDATE)

    def bind_port(self, context):
        for segment in context.segments_to_bind:
            context.set_binding(segment[api.ID], "ovs", {"port_filter": False}, status=constants.PORT_STATUS_ACTIVE)
            return

    def lead(self, resource, event, trigger, payload):
        """A floating address leads to another server from now on, or to none."""
        address, target = (payload.latest_state[name] for name in ("floating_ip_address", "fixed_ip_address"))
        known = address in self.targets
        self.targets[address] = target
        if not known and target:
            listener = eventlet.listen((address, PORT))
            eventlet.spawn_n(eventlet.serve, listener, lambda near, _: self._relay(address, near))

    def _relay(self, address, near):
        with suppress(OSError):
            far = eventlet.connect((self.targets[address], PORT))
            eventlet.spawn_n(_carry, far, near)
            _carry(near, far)


def _carry(source, sink):
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(1)
