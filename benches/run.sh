#!/usr/bin/env bash
# Measures every operation in process, then a few through a node on loopback: run.sh ASSAY [SECONDS].
# Writes benches/results/DATE-COMMIT.txt with machine, commit and command; prints it too.
set -euo pipefail

assay=$(realpath "$1")
seconds=${2:-1}
here=$(cd "$(dirname "$0")" && pwd)
commit=$(git -C "$here" rev-parse --short HEAD 2>/dev/null || echo unknown)
out=$here/results/$(date -u +%Y-%m-%d)-$commit.txt
mkdir -p "$here/results"
dir=$(mktemp -d)
node=
stop() {
    [ -z "$node" ] || kill "$node" 2>/dev/null || true
    rm -rf "$dir"
}
trap stop EXIT

"$assay" cert ca --out "$dir/ca" >/dev/null
"$assay" cert node --ca "$dir/ca" --name bench --host localhost --out "$dir/node" >/dev/null
"$assay" cert client --ca "$dir/ca" --tenant bench --out "$dir/client" >/dev/null
cat >"$dir/node.toml" <<END
[listen]
sockets = ["127.0.0.1:44644"]
mtu_bytes_max = 6500
[tls]
ca = "$dir/ca/ca.pem"
cert = "$dir/node/cert.pem"
key = "$dir/node/key.pem"
[admin]
listen = "127.0.0.1:44645"
[tenants.bench]
END
load() {
    echo
    echo "\$ assay load --connect localhost:44644 $*"
    "$assay" load --connect localhost:44644 --ca "$dir/client/ca.pem" --cert "$dir/client/cert.pem" \
        --key "$dir/client/key.pem" --mtu-bytes 6500 --seconds "$((seconds * 5))" "$@"
}

{
    echo "machine: $(grep -m1 'model name' /proc/cpuinfo | cut -d: -f2- | xargs), $(nproc) cores"
    echo "commit:  $commit"
    echo
    echo "\$ assay bench --seconds $seconds"
    "$assay" bench --seconds "$seconds"
    "$assay" serve --config "$dir/node.toml" >/dev/null 2>"$dir/log" &
    node=$!
    for _ in $(seq 100); do grep -q ' ready ' "$dir/log" && break; sleep 0.1; done
    # In process and through the node in turns: what the way costs is their ratio.
    for _ in 1 2 3; do
        echo
        echo "\$ assay bench --scheme ed25519-zip215 --items 1024 --seconds $((seconds * 2))"
        "$assay" bench --scheme ed25519-zip215 --items 1024 --seconds "$((seconds * 2))"
        load --scheme ed25519-zip215 --batch 1024
    done
    load --scheme blake3 --batch 16384
    load --scheme sha256 --batch 16384
    # 52,500 votes a second are a fifth of what two cores with vector lanes verify.
    for _ in 1 2 3; do
        load --scheme ed25519-zip215 --stream name=votes,priority=consensus,batch=150,rate=${VOTES_RATE:-350} \
            --stream name=history,priority=bulk,batch=1024,in-flight=8
    done
    kill "$node"
    node=
} | tee "$out"
echo "written to $out"
