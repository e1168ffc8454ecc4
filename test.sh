#!/usr/bin/env bash
# Sets up what the tests need and runs them all; arguments go to pytest: ./test.sh -k name
set -eu
cd "$(dirname "$0")"
. hms/dev/python.sh
find_python
exec "$python" -m hms.dev.checks.testing "$@"
