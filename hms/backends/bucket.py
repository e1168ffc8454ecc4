"""Where photos are kept when MEDIA_S3_BUCKET names an S3-compatible bucket."""

from typing import Any

from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from storages.backends.s3 import S3Storage


class Bucket(S3Storage):
    """Private files in a bucket; whoever reads this storage's files asks through a view of ours.

    Keys come from where boto3 finds them: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or the
    role of the machine.
    """

    def get_default_settings(self) -> dict[str, Any]:
        ours = {
            # Somebody waits in front of the page: better refused in words than hung.
            "client_config": Config(
                connect_timeout=3,
                read_timeout=5,
                retries={"total_max_attempts": 2},
                # What every server that speaks S3 understands.
                s3={"addressing_style": "path"},
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
            ),
            # A photo is a few kilobytes: threads for its parts would cost more than it.
            "transfer_config": TransferConfig(use_threads=False),
            # Names are random, so nothing is ever overwritten and nobody need ask beforehand.
            "file_overwrite": True,
        }
        return {**super().get_default_settings(), **ours}
