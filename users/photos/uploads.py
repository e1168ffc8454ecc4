from django.core.files.uploadhandler import FileUploadHandler

from users.photos.renditions import MAX_BYTES


class LimitedUploadHandler(FileUploadHandler):
    """Comes before the handler that writes to disk, and drops what is over the limit.

    One byte over the limit is passed on, so that the form can say that the file is too large.
    """

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes | None:
        bytes_left = MAX_BYTES + 1 - start
        return raw_data[:bytes_left] if bytes_left > 0 else None

    def file_complete(self, file_size: int) -> None:
        return None
