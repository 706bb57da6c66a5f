"""A mechanism of neutron's ML2 plugin that binds every port at once: there is no agent, and loopback needs none."""

from neutron_lib import constants
from neutron_lib.plugins.ml2 import api


class Driver(api.MechanismDriver):
    def initialize(self):
        """There is nothing to set up."""

    def bind_port(self, context):
        for segment in context.segments_to_bind:
            context.set_binding(segment[api.ID], "ovs", {"port_filter": False}, status=constants.PORT_STATUS_ACTIVE)
            return
