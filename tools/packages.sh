#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Installs the packages of tools/packages.txt that are missing; says so; does nothing otherwise.
set -eu
list=$(dirname "$0")/packages.txt
missing=
for p in $(sed 's/#.*//' "$list"); do
	status=$(dpkg-query -W -f '${Status}' "$p" 2>/dev/null || true)
	[ "$status" = "install ok installed" ] || missing="$missing $p"
done
[ -n "$missing" ] || exit 0
if ! command -v apt-get >/dev/null 2>&1; then
	echo "packages.sh: no apt-get here; install these by your own means:$missing" >&2
	exit 1
fi
sudo=
if [ "$(id -u)" != 0 ]; then
	command -v sudo >/dev/null 2>&1 || {
		echo "packages.sh: not root and no sudo; as root run: apt-get install$missing" >&2
		exit 1
	}
	sudo=sudo
fi
echo "packages.sh: installing:$missing" >&2
# a mirror may fail now and then, and another apt may be at work on a fresh machine
patient='-o Acquire::Retries=5 -o DPkg::Lock::Timeout=600'
$sudo apt-get $patient update -q >&2
$sudo env DEBIAN_FRONTEND=noninteractive \
	apt-get $patient install -y -q --no-install-recommends $missing >&2
