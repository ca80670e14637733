#!/usr/bin/env bash
# Measures every operation on graphics devices: gpu.sh ASSAY [hardware|software] [SECONDS].
# Writes benches/results/gpu-DATE-COMMIT.txt: device, driver, commit, how long the kernels took to be made ready with the driver's
# caches empty and filled; then an operation and batch size a row: items per second of the kernels, of the bytes' ways there
# and back and of the whole way, the kernels' share of the derived ceiling, CPU lanes and reference beside it, and from how
# many items on the router gives the device some. Prints it too.
set -euo pipefail

assay=$(realpath "$1")
gpu=${2:-hardware}
seconds=${3:-$([ "$gpu" = hardware ] && echo 1 || echo 0.2)}
here=$(cd "$(dirname "$0")" && pwd)
commit=$(git -C "$here" rev-parse --short HEAD 2>/dev/null || echo unknown)
out=$here/results/gpu-$(date -u +%Y-%m-%d)-$commit.txt
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
mkdir -p "$here/results"
# The drivers' caches on disk: empty at first.
export MESA_SHADER_CACHE_DIR=$dir/cache __GL_SHADER_DISK_CACHE_PATH=$dir/cache
mkdir "$dir/cache"

python3 - "$assay" "$commit" "$gpu" "$seconds" <<'END_PYTHON' | tee "$out"
import json, os, subprocess, sys

assay, commit, gpu, seconds = sys.argv[1:]
# Derived for an H200 at full clock: 132 multiprocessors x 1.98 GHz, a wide multiply-add on 32 lanes a clock.
CEILINGS = {
    "ecdsa-secp256k1": 55e6, "ecdsa-secp256k1-low-s": 55e6, "recover-secp256k1": 55e6, "recover-secp256k1-low-s": 55e6,
    "schnorr-bip340": 55e6, "ecdsa-p256": 40e6, "ecdsa-p256-low-s": 40e6, "sm2-za": 40e6, "sm2-e": 40e6,
    "ed25519-zip215": 39e6, "ed25519-ref10": 39e6, "ed25519-strict": 39e6, "sha256": 10e9, "keccak256": 3.9e9,
}
BATCHES = "1,64,1024,16384,65536" if gpu == "hardware" else "1,64,1024,8192"
LEAVES = [4096, 65536]


def run(*arguments):
    """What a command says, a JSON object a line; nothing where it refuses."""
    ran = subprocess.run([assay, *arguments, "--json"], stdout=subprocess.PIPE, text=True)
    return [json.loads(line) for line in ran.stdout.splitlines()]


def bench(name, *arguments):
    """The rows of an operation by batch size (leaves, where it is a tree's)."""
    kind = ["--scheme", name]
    if name in DIGESTS:
        kind = ["--algorithm", name, "--message-bytes", "64"]
    common = ["bench", *kind, "--seconds", seconds, *arguments]
    if name.startswith("merkle-"):
        return {leaves: row for leaves in LEAVES for row in run(*common, "--items", "1", "--group", str(leaves))}
    return {row["batch"]: row for row in run(*common, "--items", BATCHES)}


DIGESTS = {"sha256", "sha256d", "sha512", "sha3-256", "keccak256", "blake3", "blake2b-256", "sm3", "ripemd160", "hash160"}
number = lambda value: f"{value:,.0f}" if value else "-"
cold, warm = run("devices", "--gpu", gpu), run("devices", "--gpu", gpu)
tested = [(at, device) for at, device in enumerate(warm) if device["self_test"] != "not tested"]
if not tested:
    sys.exit(f"no {gpu} device is here")
for at, device in tested:
    print(f"device:  {device['name']} ({device['kind']}), {device['driver']}: self-test {device['self_test']}, made ready in "
          f"{cold[at]['prepare_seconds']:.1f} s with the driver's cache empty, in {device['prepare_seconds']:.1f} s with it filled")
cpu = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "?")
print(f"host:    {cpu}, {os.cpu_count()} cores")
print(f"commit:  {commit}")
print(f"command: benches/gpu.sh assay {gpu} {seconds}; items (trees of so many leaves, where the batch is in leaves) per second,")
print("         messages of digests 64 bytes; ceilings are those derived for an H200\n", flush=True)
table = [["operation", "batch", "kernel", "transfer", "end to end", "of ceiling", "lanes", "reference", "crossover"]]
for name in [pace["operation"] for pace in tested[0][1]["operations"]]:
    of_device = bench(name, "--backend", "gpu", "--gpu", gpu)
    lanes, reference = bench(name, "--backend", "lanes"), bench(name, "--backend", "reference")
    both = bench(name, "--backend", "auto", "--gpu", gpu)
    for batch, row in of_device.items():
        own = row.get("device") or {}
        kernel = own.get("kernel_items_per_second")
        has_ceiling = gpu == "hardware" and kernel and name in CEILINGS
        cells = [kernel, own.get("transfer_items_per_second"), row["items_per_second"]]
        cpus = [side.get(batch, {}).get("items_per_second") for side in (lanes, reference)]
        crossover = both.get(batch, {}).get("crossover_items")
        table.append([name, f"{batch:,}" + (" leaves" if name.startswith("merkle-") else ""), *map(number, cells),
                      f"{100 * kernel / CEILINGS[name]:.2f}%" if has_ceiling else "-", *map(number, cpus), number(crossover)])
widths = [max(len(row[i]) for row in table) for i in range(len(table[0]))]
for row in table:
    print("  ".join(cell.ljust(width) if i == 0 else cell.rjust(width) for i, (cell, width) in enumerate(zip(row, widths))))
END_PYTHON
echo "written to $out"
