#!/usr/bin/env bash
# Sets up what is missing and starts the whole system on this machine; ./run.sh --help says more.
set -eu
cd "$(dirname "$0")"
. hms/dev/python.sh
find_python
exec "$python" -m hms.dev.stack "$@"
