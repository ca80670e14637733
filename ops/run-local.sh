#!/usr/bin/env bash
# Runs a node on loopback with certificates of its own: run-local.sh ASSAY DIR.
set -euo pipefail

assay=$1
dir=$2
mkdir -p "$dir"
if [ ! -e "$dir/assay.toml" ]; then
    "$assay" cert ca --out "$dir/ca"
    "$assay" cert node --ca "$dir/ca" --name local --host localhost --host 127.0.0.1 --out "$dir/node"
    "$assay" cert client --ca "$dir/ca" --tenant local --out "$dir/client"
    cat >"$dir/assay.toml" <<END
[tls]
ca = "ca/ca.pem"
cert = "node/cert.pem"
key = "node/key.pem"

[tenants.local]
END
fi
exec "$assay" serve --config "$dir/assay.toml"
