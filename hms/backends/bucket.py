"""Storage of photos in the S3-compatible bucket that MEDIA_S3_BUCKET names."""

from typing import Any

from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from storages.backends.s3 import S3Storage


class Bucket(S3Storage):
    """Private files in a bucket. Browsers get them from our views, never from the bucket.

    boto3 finds the credentials itself: in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or in the
    role of the machine.
    """

    def get_default_settings(self) -> dict[str, Any]:
        ours = {
            # A user is waiting for the page: fail soon with an error message.
            "client_config": Config(
                connect_timeout=3,
                read_timeout=5,
                retries={"total_max_attempts": 2},
                # The options that all S3-compatible servers support.
                s3={"addressing_style": "path"},
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
            ),
            # Photos have a few kilobytes: upload threads would cost more than they save.
            "transfer_config": TransferConfig(use_threads=False),
            # File names are random, so the check for an existing file is unnecessary.
            "file_overwrite": True,
        }
        return {**super().get_default_settings(), **ours}
