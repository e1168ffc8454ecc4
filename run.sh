#!/usr/bin/env bash
# Installs what is missing and starts the whole system on this machine. For options: ./run.sh --help
set -eu
cd "$(dirname "$0")"
. hms/dev/python.sh
find_python
exec "$python" -m hms.dev.stack "$@"
