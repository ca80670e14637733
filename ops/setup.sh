#!/usr/bin/env bash
# Installs the given Debian packages where apt is there and they are missing; elsewhere names them and goes on.
set -euo pipefail

missing=()
for package in "$@"; do
    # A command of that name on the path need not come from Debian.
    command -v "$package" >/dev/null 2>&1 && continue
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q '^install ok installed$' || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

if ! command -v apt-get >/dev/null 2>&1; then
    echo "setup: please install: ${missing[*]} (the tests that need them fail and name them)" >&2
    exit 0
fi
sudo=()
[ "$(id -u)" -eq 0 ] || sudo=(sudo)
echo "setup: installing ${missing[*]}"
"${sudo[@]}" apt-get update -qq
# A package's service must not start by itself: the tests start their own on free ports.
policy=/usr/sbin/policy-rc.d
made=
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' | "${sudo[@]}" tee "$policy" >/dev/null
    "${sudo[@]}" chmod +x "$policy"
    made=yes
fi
status=0
DEBIAN_FRONTEND=noninteractive "${sudo[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null || status=$?
[ -z "$made" ] || "${sudo[@]}" rm -f "$policy"
exit "$status"
