#!/bin/sh
# Make .venv from uv.lock, and uv itself where it is missing: all that Python 3.11+, git and make need beside them.
set -eu
cd "$(dirname "$0")/.."
UV_VERSION=0.13.9
cache=${DRAWBRIDGE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/drawbridge}

fail() { printf 'drawbridge: %s\n' "$1" >&2; exit 1; }

python=$(command -v python3) || fail "python3 is missing; install Python 3.11 or newer (Debian, Ubuntu: apt-get install python3)"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
  fail "$("$python" --version) is too old; install Python 3.11 or newer and put it first on PATH"
python=$("$python" -c 'import sys; print(sys.executable)')  # itself, not a shim such as pyenv's that may choose another

if command -v uv >/dev/null && uv version --short --project crds >/dev/null 2>&1; then
  uv=$(command -v uv)
else
  uv=$cache/uv/$UV_VERSION/bin/uv
  if [ ! -x "$uv" ]; then
    echo ".. install uv $UV_VERSION from PyPI" >&2
    if ! "$python" -c 'import ensurepip' 2>/dev/null; then
      [ "$(id -u)" = 0 ] || fail "python3-venv is missing; run: sudo apt-get install python3-venv"
      apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq python3-venv >/dev/null
    fi
    "$python" -m venv "$cache/uv/$UV_VERSION"
    "$cache/uv/$UV_VERSION/bin/pip" install --quiet --disable-pip-version-check "uv==$UV_VERSION"
  fi
fi
UV_PYTHON_DOWNLOADS=never "$uv" sync --frozen --quiet --python "$python"
