"""moto's server, with what AWS does and moto (5.2.5) does not, as far as tests here depend on it.

What is added here is this project's own reading of AWS's API reference, not AWS's behaviour:

- CreateImage, CopyImage and RegisterImage take tags, for the snapshots too, and refuse a name that another image of the
  account has.
- RegisterImage takes disks: the image has them, and no snapshot of moto's making, and those of its own are in use.
- CopyImage describes its snapshot as AWS does, and reports encryption and key.
- CancelSpotInstanceRequests does not know a request that is gone, instead of failing.
- EnableFastLaunch is over at once.
- StartSession and TerminateSession; the agent of an instance is not connected the first time.
- A call with the ClientToken of an earlier one has its answer, and no effect of its own.
- A fleet can be deleted twice, and a role be taken from a profile twice: the second time it is not there.
- ImportImage and its tasks: two looks after its beginning there is an image, unless the object in S3 is missing.
- GetPasswordData tells the value of the instance's tag "password", encrypted for its key pair.
- Deprecation of images and protection from deregistration; an image that is protected cannot be deregistered.

Each call is written to the file ``MOTO_CALLS``, a line of JSON with ``action`` and ``params``.
"""

from __future__ import annotations

import json
import os
from base64 import b64encode
from typing import Any

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.serialization import load_ssh_public_key
from moto.core.exceptions import JsonRESTError
from moto.core.responses import ActionResult, BaseResponse
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models import EC2Backend
from moto.ec2.models.amis import Ami
from moto.ec2.models.fleets import Fleet
from moto.ec2.responses import EC2Response
from moto.ec2.responses.amis import AmisResponse
from moto.ec2.responses.spot_instances import SpotInstances
from moto.iam.exceptions import NotFoundException
from moto.iam.models import IAMBackend
from moto.s3.exceptions import MissingBucket
from moto.s3.models import s3_backends
from moto.server import main
from moto.ssm.responses import SimpleSystemManagerResponse

create_image, copy_image, register_image = (
    AmisResponse.create_image, AmisResponse.copy_image, AmisResponse.register_image
)  # fmt: skip
made_up_disks: Any = vars(Ami)["block_device_mappings"].fget
deregister_image = AmisResponse.deregister_image


def _refuse_taken_name(self: Any) -> None:
    name = self._get_param("Name")
    for image in self.ec2_backend.amis.values():
        if image.name == name and image.owner_id == self.ec2_backend.account_id:
            raise EC2ClientError("InvalidAMIName.Duplicate", f"AMI name {name} is already in use by AMI {image.id}")


def _tagged(self: Any, make: Any) -> ActionResult:
    """Make an image, then tag it and its snapshot: moto's own way of doing so knows no snapshots."""
    _refuse_taken_name(self)
    specifications = self._get_param("TagSpecifications", [])
    params = {name: value for name, value in self.params.items() if name != "TagSpecifications"}
    self.params, kept = params, self.params
    try:
        answer: ActionResult = make(self)
    finally:
        self.params = kept
    image = self.ec2_backend.amis[answer.result["ImageId"]]
    things = {"image": image, "snapshot": image.ebs_snapshot}
    for specification in specifications:
        for tag in specification["Tags"]:
            things[specification["ResourceType"]].add_tag(tag["Key"], tag["Value"])
    return answer


def _create(self: Any) -> ActionResult:
    return _tagged(self, create_image)


def _register(self: Any) -> ActionResult:
    """moto makes a snapshot for each image, also for one that is registered with some."""
    answer = _tagged(self, register_image)
    image = self.ec2_backend.amis[answer.result["ImageId"]]
    disks = self._get_param("BlockDeviceMappings", [])
    if disks:
        self.ec2_backend.snapshots.pop(image.ebs_snapshot.id)
        image.registered_disks = disks
        image.root_device_name = self._get_param("RootDeviceName")
        image.architecture = self._get_param("Architecture")
        for disk in disks:
            if "SnapshotId" in disk.get("Ebs", {}):
                self.ec2_backend.get_snapshot(disk["Ebs"]["SnapshotId"]).from_ami = image.id
    return answer


def _disks(self: Ami) -> list[dict[str, Any]]:
    disks: list[dict[str, Any]] = vars(self).get("registered_disks") or made_up_disks(self)
    return disks


def _copy(self: Any) -> ActionResult:
    answer = _tagged(self, copy_image)
    image, source = answer.result["ImageId"], self._get_param("SourceImageId")
    snapshot = self.ec2_backend.amis[image].ebs_snapshot
    snapshot.description = f"Copied for DestinationAmi {image} from SourceAmi {source} for SourceSnapshot snap-0."
    snapshot.encrypted = bool(self._get_param("Encrypted")) or snapshot.encrypted
    snapshot.kms_key_id = self._get_param("KmsKeyId")
    return answer


def _image(self: Any) -> Any:
    return self.ec2_backend.describe_images(ami_ids=[self._get_param("ImageId")])[0]


def _deregister(self: Any) -> ActionResult:
    image = self.ec2_backend.amis.get(self._get_param("ImageId"))  # none when it is gone, which moto tells
    if getattr(image, "deregistration_protection", None) not in (None, "disabled"):
        raise EC2ClientError("OperationNotPermitted", "The image is protected from deregistration.")
    return deregister_image(self)


def _deprecate(self: Any) -> ActionResult:
    _image(self).deprecation_time = self._get_param("DeprecateAt")
    return ActionResult({"Return": True})


def _protect(self: Any) -> ActionResult:
    cooldown = "enabled-with-cooldown" if self._get_param("WithCooldown") else "enabled-without-cooldown"
    _image(self).deregistration_protection = cooldown
    return ActionResult({"Return": cooldown})


def _unprotect(self: Any) -> ActionResult:
    _image(self).deregistration_protection = "disabled"
    return ActionResult({"Return": "disabled"})


terminate_fleet, take_role = Fleet.terminate_instances, IAMBackend.remove_role_from_instance_profile
cancel_spot_requests = SpotInstances.cancel_spot_instance_requests


def _cancel(self: Any) -> ActionResult:
    backend: EC2Backend = self.ec2_backend
    for request in self._get_param("SpotInstanceRequestIds", []):
        if request not in backend.spot_instance_requests:
            text = f"The spot instance request ID '{request}' does not exist"
            raise EC2ClientError("InvalidSpotInstanceRequestID.NotFound", text)
    return cancel_spot_requests(self)


def _enable_fast_launch(self: Any) -> ActionResult:
    _image(self).fast_launch = self.params
    return ActionResult({"ImageId": self._get_param("ImageId"), "State": "enabling"})


def _describe_fast_launch(self: Any) -> ActionResult:
    found = self.ec2_backend.describe_images(ami_ids=self._get_param("ImageIds"))
    return ActionResult({"FastLaunchImages": [{"ImageId": one.id, "State": "enabled"} for one in found]})


def _start_session(self: Any) -> ActionResult:
    target = self._get_param("Target")
    if target not in sessions:
        sessions.append(target)
        raise JsonRESTError("TargetNotConnected", f"{target} is not connected.")
    return ActionResult({"SessionId": "s-1", "TokenValue": "token-of-the-session", "StreamUrl": "wss://session/1"})


def _terminate_session(self: Any) -> ActionResult:
    return ActionResult({"SessionId": self._get_param("SessionId")})


sessions: list[str] = []
SESSIONS = {"start_session": _start_session, "terminate_session": _terminate_session}


def _terminate_fleet(self: Any) -> None:
    """moto's own way fails for a fleet without instances (any more)."""
    items = [
        getattr(item, "instance", None) or item["instance"] for item in self.spot_requests + self.on_demand_instances
    ]
    if any(item.state != "terminated" for item in items):
        terminate_fleet(self)


def _take_role(self: Any, profile_name: str, role_name: str) -> None:
    if self.get_role(role_name) not in self.get_instance_profile(profile_name).roles:
        raise NotFoundException(f"The role {role_name} is not in the instance profile {profile_name}")
    take_role(self, profile_name, role_name)


def _password_data(self: Any, instance_id: str) -> str:
    instance = self.get_instance(instance_id)
    password = {tag["key"]: tag["value"] for tag in instance.get_tags()}.get("password", "")
    if not password:
        return ""
    public: Any = load_ssh_public_key(self.key_pairs[instance.key_name].material_public)
    return b64encode(public.encrypt(password.encode(), PKCS1v15())).decode()


def _once_for_each_token(method: Any) -> Any:
    """AWS knows by its token a call that a client tries again because it got no answer."""

    def run(self: Any) -> ActionResult:
        token = self._get_param("ClientToken")
        answers = vars(self.ec2_backend).setdefault("answers_by_token", {})
        if token not in answers:
            answer = method(self)
            if not token:
                return answer
            answers[token] = answer
        return answers[token]

    return run


def _import(self: Any) -> ActionResult:
    backend: Any = self.ec2_backend
    bucket = self._get_param("DiskContainers")[0]["UserBucket"]
    tasks = vars(backend).setdefault("import_tasks", {})
    task = {"ImportTaskId": f"import-ami-{len(tasks):017x}", "Status": "active", "StatusMessage": "pending"}
    task["Tags"] = [tag for one in self._get_param("TagSpecifications", []) for tag in one["Tags"]]
    task["Progress"], tasks[task["ImportTaskId"]] = "0", task
    objects = s3_backends[backend.account_id]["aws"]
    try:
        missing = objects.get_object(bucket["S3Bucket"], bucket["S3Key"]) is None
    except MissingBucket:
        missing = True
    if missing:
        task.update(Status="deleted", StatusMessage="ClientError: The given S3 object could not be found.")
    return ActionResult(task)


def _import_tasks(self: Any) -> ActionResult:
    tasks = vars(self.ec2_backend).setdefault("import_tasks", {})
    names = self._get_param("ImportTaskIds", []) or list(tasks)
    for name in names:
        if name not in tasks:
            raise EC2ClientError("InvalidConversionTaskId.NotFound", f"The import task {name} does not exist")
        task = tasks[name]
        if task["Status"] == "active" and task["Progress"] == "50":
            image = self.ec2_backend.register_image(name, "imported")
            snapshots = [{"SnapshotId": image.ebs_snapshot.id}]
            task.update(Status="completed", Progress="100", ImageId=image.id, SnapshotDetails=snapshots)
        elif task["Status"] == "active":
            task.update(Progress="50", StatusMessage="converting")
    return ActionResult({"ImportImageTasks": [tasks[name] for name in names]})


def _cancel_import(self: Any) -> ActionResult:
    task = vars(self.ec2_backend)["import_tasks"][self._get_param("ImportTaskId")]
    task.update(Status="deleted", StatusMessage="cancelled")
    return ActionResult({"ImportTaskId": task["ImportTaskId"], "State": "deleted"})


WITH_TOKENS = (
    "import_image", "run_instances",
    "copy_image", "create_fleet", "create_launch_template", "create_volume", "request_spot_instances",
)  # fmt: skip
ADDED = {
    "create_image": _create,
    "copy_image": _copy,
    "register_image": _register,
    "deregister_image": _deregister,
    "describe_fast_launch_images": _describe_fast_launch,
    "enable_fast_launch": _enable_fast_launch,
    "enable_image_deprecation": _deprecate,
    "enable_image_deregistration_protection": _protect,
    "disable_image_deregistration_protection": _unprotect,
    "cancel_spot_instance_requests": _cancel,
    "import_image": _import,
    "describe_import_image_tasks": _import_tasks,
    "cancel_import_task": _cancel_import,
}

call_action = BaseResponse.call_action


def _written_down(self: Any) -> Any:
    """What EC2 was asked for; services that speak JSON keep no parameters where moto keeps those of EC2."""
    line = json.dumps({"action": self._get_action(), "params": getattr(self, "params", {})}, default=str)
    file = os.open(os.environ["MOTO_CALLS"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(file, f"{line}\n".encode())
    os.close(file)
    return call_action(self)


if __name__ == "__main__":
    Ami.block_device_mappings = property(_disks)
    BaseResponse.call_action = _written_down
    for name, method in ADDED.items():
        setattr(EC2Response, name, method)
    for name, method in SESSIONS.items():
        setattr(SimpleSystemManagerResponse, name, method)
    EC2Backend.get_password_data = _password_data
    Fleet.terminate_instances = _terminate_fleet
    IAMBackend.remove_role_from_instance_profile = _take_role
    for name in WITH_TOKENS:
        setattr(EC2Response, name, _once_for_each_token(getattr(EC2Response, name)))
    main()
