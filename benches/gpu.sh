#!/usr/bin/env bash
# Measures every operation on graphics devices: gpu.sh ASSAY [hardware|software] [SECONDS].
# Writes benches/results/gpu-DATE-COMMIT.txt: device, driver, commit; then an operation a row: kernel and end-to-end items
# per second, their share of the derived ceiling, CPU lanes and reference beside it, and from which batch on the router
# would rather ask the device. Prints it too.
set -euo pipefail

assay=$(realpath "$1")
gpu=${2:-hardware}
seconds=${3:-1}
here=$(cd "$(dirname "$0")" && pwd)
commit=$(git -C "$here" rev-parse --short HEAD 2>/dev/null || echo unknown)
out=$here/results/gpu-$(date -u +%Y-%m-%d)-$commit.txt
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
mkdir -p "$here/results"

"$assay" devices --gpu "$gpu" --json >"$dir/devices"
for batch in 1 64 1024 16384 65536; do
    "$assay" bench --backend gpu --gpu "$gpu" --items "$batch" --seconds "$seconds" --json >"$dir/gpu-$batch" || true
done
for backend in lanes reference; do
    "$assay" bench --backend "$backend" --items 1024 --seconds "$seconds" --json >"$dir/$backend" || true
done

python3 - "$dir" "$commit" "$gpu" "$seconds" <<'END' | tee "$out"
import json, os, sys

folder, commit, gpu, seconds = sys.argv[1:]


def rows(name):
    path = os.path.join(folder, name)
    return {row["operation"]: row for row in map(json.loads, open(path))} if os.path.exists(path) else {}


# Derived for an H200 at full clock: 132 multiprocessors x 1.98 GHz, a wide multiply-add on 32 lanes a clock.
CEILINGS = {
    "ecdsa-secp256k1": 55e6, "ecdsa-secp256k1-low-s": 55e6, "recover-secp256k1": 55e6, "recover-secp256k1-low-s": 55e6,
    "schnorr-bip340": 55e6, "ecdsa-p256": 40e6, "ecdsa-p256-low-s": 40e6, "sm2-za": 40e6, "sm2-e": 40e6,
    "ed25519-zip215": 39e6, "ed25519-ref10": 39e6, "ed25519-strict": 39e6, "sha256": 10e9, "keccak256": 3.9e9,
}
BATCHES = [1, 64, 1024, 16384, 65536]
for device in map(json.loads, open(os.path.join(folder, "devices"))):
    print(f"device:  {device['name']} ({device['kind']}), {device['driver']}: self-test {device['self_test']}, "
          f"made ready in {device['prepare_seconds']:.1f} s")
cpu = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "?")
print(f"host:    {cpu}, {os.cpu_count()} cores")
print(f"commit:  {commit}")
print(f"command: benches/gpu.sh assay {gpu} {seconds}; items per second; ceilings are those derived for an H200\n")
of_batch = {batch: rows(f"gpu-{batch}") for batch in BATCHES}
lanes, reference = rows("lanes"), rows("reference")
head = ["operation", "batch", "kernel", "end to end", "of ceiling", "lanes", "reference", "crossover"]
table = [head]
number = lambda value: f"{value:,.0f}" if value else "-"
for name in of_batch[BATCHES[-1]] or of_batch[1024]:
    best_cpu = max(row[name]["items_per_second"] for row in (lanes, reference) if name in row)
    faster = [b for b in BATCHES if name in of_batch[b] and of_batch[b][name]["items_per_second"] > best_cpu]
    for batch in BATCHES:
        row = of_batch[batch].get(name)
        if not row:
            continue
        kernel = (row.get("device") or {}).get("kernel_items_per_second")
        share = f"{100 * kernel / CEILINGS[name]:.2f}%" if kernel and name in CEILINGS else "-"
        ends = [number(side[name]["items_per_second"]) if name in side else "-" for side in (lanes, reference)]
        table.append([name, number(batch), number(kernel), number(row["items_per_second"]), share, *ends,
                      number(min(faster)) if faster else "none"])
widths = [max(len(row[i]) for row in table) for i in range(len(head))]
for row in table:
    print("  ".join(cell.ljust(width) if i == 0 else cell.rjust(width) for i, (cell, width) in enumerate(zip(row, widths))))
END
echo "written to $out"
