#!/usr/bin/env bash
# Installs what the tests need and runs them all. Arguments are passed to pytest: ./test.sh -k name
set -eu
cd "$(dirname "$0")"
. hms/dev/python.sh
find_python
exec "$python" -m hms.dev.checks.testing "$@"
