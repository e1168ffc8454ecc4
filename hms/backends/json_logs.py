"""One JSON object a line: time, level, logger, event, and the ids given as `extra`."""

import json
import logging
import re
from datetime import UTC, datetime

_STANDARD = set(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
# What libraries attach to a record and must not be written: it can hold personal data.
_PRIVATE = {"request", "job", "server_time", "call_string"}
# PostgreSQL quotes the whole row or key that it refuses below its message.
_QUOTED_ROWS = re.compile(
    r"\n(?:DETAIL|CONTEXT|HINT): .*?(?=\n\nThe above exception|\n\nDuring handling|\Z)", re.DOTALL
)
# A link that resets a password is a secret as long as it works.
_RESET_KEY = re.compile(r"(/password/reset/key/)[^/\s]+")


class JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": _RESET_KEY.sub(r"\1…", record.getMessage()),
        }
        for key, value in vars(record).items():
            if key not in _STANDARD and key not in _PRIVATE:
                line[key] = (
                    value if isinstance(value, (int, float, bool, type(None))) else str(value)
                )
        if record.exc_info:
            line["traceback"] = _QUOTED_ROWS.sub("", self.formatException(record.exc_info))
        return json.dumps(line, ensure_ascii=True)
