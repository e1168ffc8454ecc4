# Sourced by run.sh and test.sh. find_python sets $python to a Python that is new enough.
# Each candidate is run, because a version manager's shim can exist and fail.
find_python() {
  local candidate
  for candidate in ${HMS_PYTHON:+"$HMS_PYTHON"} python3 python3.13 python3.12 python3.11 python3.14 \
    python /usr/local/bin/python3 /opt/homebrew/bin/python3 /usr/bin/python3; do
    if command -v "$candidate" >/dev/null 2>&1 &&
      "$candidate" -I -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
      python=$candidate
      return 0
    fi
  done
  echo "HMS can't start. It needs Python 3.11 or newer, and none was found. Install it (from python.org," \
    "or with 'apt install python3 python3-venv' on Debian and Ubuntu), or set HMS_PYTHON to one." >&2
  return 1
}
