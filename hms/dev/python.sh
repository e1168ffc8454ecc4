# Sourced by run.sh and test.sh: finds a Python that serves and puts it into $python.
# Candidates are tried, not trusted: a version manager's shim may exist and fail.
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
  echo "HMS can't start. It needs Python 3.11 or newer and found none: install it (python.org, or" \
    "'apt install python3 python3-venv' on Debian and Ubuntu), or name one in HMS_PYTHON." >&2
  return 1
}
