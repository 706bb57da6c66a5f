"""How ``chef-client`` lays out its files on the machine, and takes the machine off the server afterwards.

    STAGING/encrypted_data_bag_secret  validation.pem  client.rb  first-boot.json  client.pem  knife.rb

The node and the client come into being on the server when Chef runs on the machine, and only the machine has a key to
remove them. So they are removed there, also when Chef failed; a run that dies leaves them in its journal.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

from attrs import frozen

from hclimg.errors import BuildError, CommandFailed, ConnectionLost, TimedOut
from hclimg.provisioners.chef import Word, configuration
from hclimg.provisioners.chef_client import ChefClientConfig
from hclimg.provisioners.chef_run import Chef, chef_on
from hclimg.sdk.context import Context
from hclimg.sdk.journal import Record
from hclimg.sdk.machine import Communicator

VALIDATOR = "chef-validator"
NOT_THERE = "could not be found"
"""What knife says of an object that the server does not have."""


def run_client(ctx: Context, communicator: Communicator, config: ChefClientConfig) -> None:
    """Raises CommandFailed, BuildError."""
    directory = config.staging_directory or f"{config.chef.system.staging}/packer-chef-client"
    clean = not config.skip_clean_staging_directory
    with chef_on(ctx, communicator, config.chef, directory, clean=clean) as (chef, staging):
        run = _Run(chef, config, staging, config.node_name or f"packer-{uuid4()}")
        files = run.put_files()
        with run.registered():
            elevated = config.elevated if config.elevated.elevated_user else None
            chef.run(config.execute_command, "chef-client", files, elevated)


@frozen
class _Run:
    """``node`` is the name on the server, of the node and of the client."""

    chef: Chef
    config: ChefClientConfig
    staging: str
    node: str

    @property
    def key(self) -> str:
        return self.config.client_key or f"{self.staging}/client.pem"

    @property
    def _verify(self) -> object:
        return Word(f":{self.config.ssl_verify_mode}") if self.config.ssl_verify_mode else ""

    def put_files(self) -> dict[str, str]:
        chef, config, staging = self.chef, self.config, self.staging
        secret = chef.put_data_bag_secret(staging)
        validation = config.validation_key_path
        key = chef.put_secret(validation, f"{staging}/validation.pem") if validation else ""
        validator = config.validation_client_name or VALIDATOR
        settings: dict[str, object] = {
            "log_level": Word(":info"),
            "log_location": Word("STDOUT"),
            "chef_server_url": config.server_url,
            "client_key": self.key,
            "chef_license": config.chef.licence,
            "encrypted_data_bag_secret": secret,
            "validation_client_name": validator,
            "validation_key": key,
            "node_name": self.node,
            "environment": config.chef.chef_environment,
            "policy_group": config.policy_group,
            "policy_name": config.policy_name,
            "ssl_verify_mode": self._verify,
            "trusted_certs_dir": config.trusted_certs_dir,
            "rubygems_url": config.rubygems_url,
        }
        data = {
            "NodeName": self.node,
            "ServerUrl": config.server_url,
            "ClientKey": self.key,
            "ValidationKeyPath": key,
            "ValidationClientName": config.validation_client_name,
            "EncryptedDataBagSecretPath": secret,
            "ChefEnvironment": config.chef.chef_environment,
            "ChefLicense": config.chef.licence,
            "PolicyGroup": config.policy_group,
            "PolicyName": config.policy_name,
            "SslVerifyMode": config.ssl_verify_mode,
            "TrustedCertsDir": config.trusted_certs_dir,
            "RubygemsURL": config.rubygems_url,
        }
        return {
            "ConfigPath": chef.put_configuration(f"{staging}/client.rb", settings, data),
            "JsonPath": chef.put_attributes(f"{staging}/first-boot.json"),
        }

    # -- the server -----------------------------------------------------------

    @contextmanager
    def registered(self) -> Iterator[None]:
        """What the server has after this is removed at the end."""
        records = {kind: self._intend(kind) for kind in self._temporary}
        try:
            yield
        except (ConnectionLost, TimedOut):
            raise  # the machine cannot be asked for anything any more
        except BuildError:
            self._remove_after_failure(records)
            raise
        self._remove(records)

    @property
    def _temporary(self) -> tuple[str, ...]:
        """The kinds of things that do not stay there."""
        skipped = {"node": self.config.skip_clean_node, "client": self.config.skip_clean_client}
        return tuple(kind for kind, skip in skipped.items() if not skip)

    def _intend(self, kind: str) -> Record:
        """It counts as made at once: only Chef knows when it is, and by its name it can be removed all the same."""
        record = self.chef.tool.ctx.journal.intend(f"chef/{kind}", name=self.node, server=self.config.server_url)
        record.made()
        return record

    def _remove_after_failure(self, records: dict[str, Record]) -> None:
        """What Chef said is what matters. Without a key, the machine never came so far as to register."""
        if self.chef.tool.ctx.cancel.cancelled:
            return
        if not self.chef.tool.exists(self.key):
            for record in records.values():
                record.gone()
            return
        try:
            self._remove(records)
        except BuildError as error:
            self.chef.tool.ctx.warn(f"{error.message} {error.hint}".strip())

    def _remove(self, records: dict[str, Record]) -> None:
        """Both are tried; the first failure is raised."""
        if not records:
            return
        settings = {
            "log_level": Word(":info"), "log_location": Word("STDOUT"), "chef_server_url": self.config.server_url,
            "client_key": self.key, "node_name": self.node, "ssl_verify_mode": self._verify,
            "trusted_certs_dir": self.config.trusted_certs_dir,
        }  # fmt: skip
        knife = f"{self.staging}/knife.rb"
        self.chef.tool.communicator.upload(configuration(settings).encode(), knife, mode=0o644)
        failures = []
        for kind, record in records.items():
            try:
                self._knife(kind, knife)
                record.gone()
            except CommandFailed as error:
                failures.append(error)
        if failures:
            raise failures[0]

    def _knife(self, kind: str, settings: str) -> None:
        tool, chef = self.chef.tool, self.chef
        line = tool.ctx.render(
            self.config.knife_command or f"{chef.config.system.program % 'knife'} {{{{.Args}}}} {{{{.Flags}}}}",
            Sudo=tool.sudo, Args=f"{kind} delete {chef.word(self.node)}", Flags=f"-y -c {chef.word(settings)}",
        )  # fmt: skip
        try:
            tool.run(line, valid=(0,), hints={}, title=f"knife {kind} delete")
        except CommandFailed as error:
            if any(NOT_THERE in said for said in error.output):
                tool.ctx.say(f"The server has no {kind} {self.node}")
                return
            raise CommandFailed(
                f"The {kind} {self.node} is still at {self.config.server_url}, or may be: {error.message}",
                exit_code=error.status, output=error.output,
                hint=f'Remove it by "knife {kind} delete {self.node}", or run "hclimg cleanup" where knife is set up. '
                f"If it is to stay, set skip_clean_{kind} = true.",
            ) from error  # fmt: skip

