"""Log format: one JSON object a line with time, level, logger, event, and the `extra` fields."""

import json
import logging
import re
from datetime import UTC, datetime

_STANDARD = set(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
# Attributes that libraries add to a record and that can hold personal data.
_PRIVATE = {"request", "job", "server_time", "call_string"}
# Below its message, PostgreSQL quotes the row or key that violates a constraint.
_QUOTED_ROWS = re.compile(
    r"\n(?:DETAIL|CONTEXT|HINT): .*?(?=\n\nThe above exception|\n\nDuring handling|\Z)", re.DOTALL
)
# A password reset link is a secret until it expires.
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
