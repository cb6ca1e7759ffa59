# Sourced by the scripts beside it. Sets `root` (the project's folder) and `python` (the best Python of this machine:
# 3.13 first, since Azure runs that), or ends the script with one line that says what is missing.
# PYTHON=/path/to/python chooses another one.

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)
script=scripts/$(basename -- "$0")

# Exit status 0: fits. 3: older than 3.11. 4: new enough, but cannot make virtual environments. Others: does not run.
probe() {
    "$1" -c '
import importlib.util, sys
if sys.version_info < (3, 11):
    sys.exit(3)
if None in map(importlib.util.find_spec, ("venv", "ensurepip", "fcntl", "ssl")):
    sys.exit(4)
' >/dev/null 2>&1
}

refuse() {
    echo "$script: $1" >&2
    exit 1
}

find_python() {
    incomplete=
    for version in 3.13 3.12 3.11 3; do
        for candidate in "python$version" \
            "${PYENV_ROOT:-${HOME:-}/.pyenv}/versions/$version".*/bin/python3 \
            "${HOME:-}/.local/share/uv/python/cpython-$version".*/bin/python3; do
            status=0
            probe "$candidate" || status=$?
            case $status in
            0) python=$candidate && return ;;
            4) incomplete=${incomplete:-$candidate} ;;
            esac
        done
    done
    [ -z "$incomplete" ] ||
        refuse "$incomplete cannot make virtual environments; install its venv module (Debian, Ubuntu: apt install python3-venv)"
    refuse "there is no Python 3.11 or later here; install Python 3.13, or set PYTHON to where it is"
}

if [ -n "${PYTHON:-}" ]; then
    status=0
    probe "$PYTHON" || status=$?
    case $status in
    0) python=$PYTHON ;;
    3) refuse "PYTHON=$PYTHON is older than Python 3.11" ;;
    4) refuse "PYTHON=$PYTHON has no venv module" ;;
    *) refuse "PYTHON=$PYTHON does not run" ;;
    esac
else
    find_python
fi
