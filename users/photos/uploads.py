from django.core.files.uploadhandler import FileUploadHandler

from users.photos.renditions import MAX_BYTES


class LimitedUploadHandler(FileUploadHandler):
    """Stands before the handler that writes to disk and keeps what is over the limit away from it.

    One byte over the limit is let through, so that the form can say that the file is too large.
    """

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes | None:
        room = MAX_BYTES + 1 - start
        return raw_data[:room] if room > 0 else None

    def file_complete(self, file_size: int) -> None:
        return None
