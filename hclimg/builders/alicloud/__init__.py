"""The builder alicloud-ecs."""
