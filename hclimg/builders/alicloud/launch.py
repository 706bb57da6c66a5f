"""From the settings to an instance that one can log in to."""

from __future__ import annotations

from hclimg.builders.alicloud.address import private_address, public_address
from hclimg.builders.alicloud.builder import Running
from hclimg.builders.alicloud.config import AlicloudEcsConfig
from hclimg.builders.alicloud.given import look_up
from hclimg.builders.alicloud.instance import start, temporary_instance, wait_for_status
from hclimg.builders.alicloud.key_pair import attach_key, build_key
from hclimg.builders.alicloud.network import connect_network, security_group
from hclimg.builders.alicloud.password import password_of
from hclimg.builders.alicloud.source import SourceImage
from hclimg.clouds.alicloud.finishing import check_names
from hclimg.clouds.alicloud.making import api_for
from hclimg.communicators.connect import connect
from hclimg.communicators.facts import machine_facts
from hclimg.communicators.loading import load_ahead
from hclimg.sdk.context import Context
from hclimg.sdk.machine import Machine


def launch(ctx: Context, config: AlicloudEcsConfig, source: SourceImage) -> Machine:
    how, ecs = config.communicator, api_for(ctx, config.access)
    load_ahead(how.communicator)
    if not (config.image.image_force_delete or ctx.run.force or config.skip_create_image):
        check_names(ctx, ecs, config.image)
    given = look_up(ctx, ecs, config)
    password = password_of(ctx, how)
    key = build_key(ctx, ecs, config)
    network = connect_network(ctx, ecs, config, given)
    port = how.port
    group = security_group(ctx, ecs, config, network, port)
    instance = temporary_instance(ctx, ecs, config, image=source.id, network=network, group=group, password=password)
    wait_for_status(ecs, instance, "Stopped")
    address = public_address(ctx, ecs, config, network, instance)
    if name := key.name if key else how.ssh_keypair_name:
        attach_key(ctx, ecs, instance, name)
    start(ctx, ecs, instance)
    host = how.host or (private_address(ecs, instance) if config.network.ssh_private_ip or not address else address)
    private = key.private if key else None
    communicator = connect(ctx, how, host=host, port=port, private_key=private, password=password)
    facts = machine_facts(ctx, how, machine_id=instance, host=host, port=port, key=key, password=password)
    return Machine(
        id=instance,
        communicator=communicator,
        facts={**facts, "Region": ecs.region, "SourceImage": source.id, "SourceImageName": source.name},
        handle=Running(ecs=ecs, instance=instance, source=source.id, key=key),
    )
