"""A mechanism of neutron's ML2 plugin that binds every port at once: there is no agent, and loopback needs none."""

from neutron_lib import constants
from neutron_lib.plugins.ml2 import api
from sqlalchemy.orm import configure_mappers


class Driver(api.MechanismDriver):
    def initialize(self):
        """Neutron uses relations of its tables that exist only once all are known, which its agents' first words do."""
        configure_mappers()

    def bind_port(self, context):
        for segment in context.segments_to_bind:
            context.set_binding(segment[api.ID], "ovs", {"port_filter": False}, status=constants.PORT_STATUS_ACTIVE)
            return
