"""How ``chef-solo`` lays out its files on the machine.

    STAGING/cookbooks-0/  roles/  data_bags/  environments/  encrypted_data_bag_secret  solo.rb  node.json
"""

from __future__ import annotations

from hclimg.provisioners.chef_run import Chef, chef_on
from hclimg.provisioners.chef_solo import FOLDERS, ChefSoloConfig
from hclimg.sdk.context import Context
from hclimg.sdk.machine import Communicator


def run_solo(ctx: Context, communicator: Communicator, config: ChefSoloConfig) -> None:
    """Raises CommandFailed, BuildError."""
    directory = config.staging_directory or f"{config.chef.system.staging}/packer-chef-solo"
    with chef_on(ctx, communicator, config.chef, directory, clean=False) as (chef, staging):
        cookbooks = _put_cookbooks(chef, config, staging)
        folders = _put_folders(chef, config, staging)
        secret = chef.put_data_bag_secret(staging)
        settings: dict[str, object] = {
            "chef_license": config.chef.licence,
            "cookbook_path": cookbooks,
            "role_path": folders["roles"],
            "data_bag_path": folders["data_bags"],
            "encrypted_data_bag_secret": secret,
            "environment_path": folders["environments"],
            "environment": config.chef.chef_environment,
        }
        data = {
            "CookbookPaths": ",".join(f'"{path}"' for path in cookbooks),
            "DataBagsPath": folders["data_bags"],
            "EncryptedDataBagSecretPath": secret,
            "RolesPath": folders["roles"],
            "EnvironmentsPath": folders["environments"],
            "ChefEnvironment": config.chef.chef_environment,
            "ChefLicense": config.chef.licence,
            "HasDataBagsPath": bool(folders["data_bags"]),
            "HasEncryptedDataBagSecretPath": bool(secret),
            "HasRolesPath": bool(folders["roles"]),
            "HasEnvironmentsPath": bool(folders["environments"]),
        }
        files = {
            "ConfigPath": chef.put_configuration(f"{staging}/solo.rb", settings, data),
            "JsonPath": chef.put_attributes(f"{staging}/node.json"),
        }
        chef.run(config.execute_command, "chef-solo", files)


def _put_cookbooks(chef: Chef, config: ChefSoloConfig, staging: str) -> list[str]:
    """Those that the machine has come first, as in Packer."""
    put = []
    for number, path in enumerate(config.cookbook_paths):
        put.append(chef.put_directory(path, f"{staging}/cookbooks-{number}"))
    return [*config.remote_cookbook_paths, *put]


def _put_folders(chef: Chef, config: ChefSoloConfig, staging: str) -> dict[str, str]:
    """Where each directory is on the machine, by its name there; empty when there is none."""
    found = {}
    for setting, name in FOLDERS.items():
        path = getattr(config, setting)
        found[name] = chef.put_directory(path, f"{staging}/{name}") if path else ""
    return found
