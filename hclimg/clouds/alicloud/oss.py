"""Alibaba Cloud's object storage: where a file waits until an image is made of it. Only this imports its SDK.

The SDK comes with ``pip install 'hclimg[alicloud-import]'``.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

from attrs import define, field

from hclimg.clouds.alicloud.client import CONNECT_TIMEOUT, RETRIES
from hclimg.clouds.alicloud.ecs import Ecs
from hclimg.clouds.alicloud.refusals import hint_of
from hclimg.errors import ApiError, BuildError

T = TypeVar("T")
PACKAGE = "alibabacloud_oss_v2"
INSTALL = "pip install 'hclimg[alicloud-import]'"
ENDPOINT_VARIABLE = "ALICLOUD_OSS_ENDPOINT"
READ_TIMEOUT = 60  # seconds
PART = 16 << 20
MOST_PARTS = 10000
Told = Callable[[int, int], None]
"""Called with how many bytes are there, and of how many."""


def is_installed() -> bool:
    return find_spec(PACKAGE) is not None


@define(eq=False)
class Oss:
    """The buckets of one region, asked with the keys of the ECS API's session. All methods raise ApiError."""

    ecs: Ecs
    _client: Any = field(default=None, init=False)

    def ensure_bucket(self, bucket: str) -> bool:
        """Make the bucket unless it is there; whether it was made."""
        sdk, client = self._ready()
        if self._ask(f"the bucket {bucket}", lambda: client.is_bucket_exist(bucket)):
            return False
        self._ask(f"the new bucket {bucket}", lambda: client.put_bucket(sdk.PutBucketRequest(bucket=bucket)))
        return True

    def upload(self, bucket: str, key: str, file: Path, told: Told) -> None:
        """In parts, so that a Ctrl-C is noticed between two of them."""
        sdk, client = self._ready()
        size, what, where = file.stat().st_size, f"{file.name} to {bucket}/{key}", {"bucket": bucket, "key": key}
        begin = sdk.InitiateMultipartUploadRequest(**where)
        where["upload_id"] = self._ask(what, lambda: client.initiate_multipart_upload(begin)).upload_id
        parts: list[Any] = []
        with file.open("rb") as source:
            while data := source.read(max(PART, -(-size // MOST_PARTS))):
                self.ecs.ctx.cancel.check()
                number = len(parts) + 1
                etag = self._send_part(what, sdk.UploadPartRequest(**where, part_number=number, body=data))
                parts.append(sdk.UploadPart(part_number=number, etag=etag))
                told(source.tell(), size)
        end = sdk.CompleteMultipartUploadRequest(
            **where, complete_multipart_upload=sdk.CompleteMultipartUpload(parts=parts)
        )
        self._ask(what, lambda: client.complete_multipart_upload(end))

    def _send_part(self, what: str, request: Any) -> str:
        client = self._ready()[1]
        return str(self._ask(what, lambda: client.upload_part(request)).etag)

    def remove(self, bucket: str, key: str) -> None:
        """The object, and what an upload that was broken off left of it."""
        sdk, client = self._ready()
        what, where = f"{bucket}/{key}", {"bucket": bucket, "key": key}
        try:
            listing = sdk.ListMultipartUploadsRequest(bucket=bucket, prefix=key)
            for upload in self._ask(what, lambda: client.list_multipart_uploads(listing)).uploads or []:
                if upload.key == key:
                    self._abort(what, sdk.AbortMultipartUploadRequest(**where, upload_id=upload.upload_id))
            self._ask(what, lambda: client.delete_object(sdk.DeleteObjectRequest(**where)))
        except ApiError as error:
            if error.code not in ("NoSuchBucket", "NoSuchKey", "NoSuchUpload"):
                raise

    def _abort(self, what: str, request: Any) -> None:
        client = self._ready()[1]
        self._ask(what, lambda: client.abort_multipart_upload(request))

    def _ready(self) -> tuple[Any, Any]:
        if not is_installed():
            raise BuildError("The SDK of Alibaba Cloud's object storage is not installed.", hint=INSTALL)
        import alibabacloud_oss_v2 as sdk

        if self._client is None:
            keys = self.ecs.session.keys
            config = sdk.config.load_default()
            config.region = self.ecs.region
            config.credentials_provider = sdk.credentials.StaticCredentialsProvider(
                keys.access_key, keys.secret.reveal(), keys.token.reveal() or None
            )
            config.retry_max_attempts = RETRIES + 1
            config.connect_timeout, config.readwrite_timeout = CONNECT_TIMEOUT, READ_TIMEOUT
            if endpoint := os.environ.get(ENDPOINT_VARIABLE):
                config.endpoint = endpoint
            self._client = sdk.Client(config)
        return sdk, self._client

    def _ask(self, what: str, call: Callable[[], T]) -> T:
        from alibabacloud_oss_v2.exceptions import BaseError, OperationError, ServiceError

        try:
            return call()
        except BaseError as error:
            reason = error.unwrap() if isinstance(error, OperationError) else error
            if not isinstance(reason, ServiceError):
                raise ApiError(f"Alibaba Cloud's object storage cannot be asked for {what}.") from None
            where = f"code {reason.code}, request {reason.request_id}"
            message = f"Alibaba Cloud's object storage refuses {what}: {str(reason.message).rstrip('.')} ({where})."
            code, request = str(reason.code or ""), str(reason.request_id or "")
            raise ApiError(message, code=code, request=request, hint=hint_of(code) or _HINTS.get(code, "")) from None


_HINTS = {
    "AccessDenied": "The RAM user or role needs a policy that allows this.",
    "BucketAlreadyExists": "The bucket belongs to somebody else: take another oss_bucket_name.",
    "InvalidBucketName": "Take another oss_bucket_name: 3 to 63 small letters, digits and hyphens.",
}
