#!/bin/sh
# Installs what `npm start` and `npm test` need on this machine: native packages that npm skips when it runs on an older
# Node, and redis-server unless it or valkey-server is installed.
set -eu

node "$(dirname "$0")/complete-installation.js"

for server in redis-server valkey-server; do
  if command -v "$server" >/dev/null; then
    echo "$("$server" --version | cut -d' ' -f1-3): nothing to install"
    exit 0
  fi
done

as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

if command -v apt-get >/dev/null; then
  as_root apt-get update -qq
  # RUNLEVEL=1 keeps the package from starting a server: `npm start` runs its own.
  as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -qq -o Dpkg::Use-Pty=0 --no-install-recommends redis-server >/dev/null
elif command -v dnf >/dev/null; then
  as_root dnf install -y -q valkey
elif command -v brew >/dev/null; then
  brew install --quiet redis
else
  echo 'apt-get, dnf, and brew were not found: install redis-server 7 or later, or valkey-server 8 or later, by hand' >&2
  exit 1
fi

echo "$(redis-server --version 2>/dev/null || valkey-server --version)" | cut -d' ' -f1-3
