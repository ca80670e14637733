#!/usr/bin/env bash
# Measures every operation on graphics devices: gpu.sh ASSAY [hardware|software] [SECONDS].
# Writes benches/results/gpu-DATE-COMMIT.txt: device, driver, commit, how long the kernels took to be made ready with the driver's
# caches empty and filled; then an operation and batch size a row: items per second of the kernels, of the bytes' ways there
# and back and of the whole way, the kernels' share of the derived ceiling, CPU lanes and reference beside it, and from how
# many items on the router gives the device some. Prints it too.
set -euo pipefail

assay=$(realpath "$1")
gpu=${2:-hardware}
seconds=${3:-0.2}
here=$(cd "$(dirname "$0")" && pwd)
commit=${COMMIT:-$(git -C "$here" rev-parse --short HEAD 2>/dev/null || echo unknown)}
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
BATCHES = [1, 64, 1024, 16384, 65536] if gpu == "hardware" else [1, 64, 1024, 8192]
# What the CPU is measured at; a larger batch is no faster there.
BATCHES_CPU = [1, 64, 1024, 16384 if gpu == "hardware" else 8192]
LEAVES = [4096, 65536]
# Batches at once for the whole way, so that one is filled while another computes; the kernels are timed alone.
IN_FLIGHT = 4


def run(*arguments):
    """What a command says, a JSON object a line; nothing where it refuses."""
    ran = subprocess.run([assay, *arguments, "--json"], stdout=subprocess.PIPE, text=True)
    return [json.loads(line) for line in ran.stdout.splitlines()]


def bench(name, batches, *arguments):
    """The rows of an operation by batch size (leaves, where it is a tree's) and how many were in flight."""
    kind = ["--scheme", name]
    if name in DIGESTS:
        kind = ["--algorithm", name, "--message-bytes", "64"]
    common = ["bench", *kind, "--seconds", seconds, *arguments]
    if name.startswith("merkle-"):
        found = [(leaves, row) for leaves in LEAVES for row in run(*common, "--items", "1", "--group", str(leaves))]
    else:
        found = [(row["batch"], row) for row in run(*common, "--items", ",".join(map(str, batches)))]
    return {(batch, row["in_flight"]): row for batch, row in found}


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
print(f"         kernels and transfers by the device's clock, a batch alone; end to end {IN_FLIGHT} at once, best pass; the CPU on all cores, in batches of {BATCHES_CPU[-1]:,} at most; messages of")
print("         digests 64 bytes; ceilings are those derived for an H200\n", flush=True)
WIDTHS = [23, 14, 14, 14, 12, 11, 12, 11, 10]


def show(cells):
    print("".join(cell.ljust(width) if i == 0 else cell.rjust(width) for i, (cell, width) in enumerate(zip(cells, WIDTHS))), flush=True)


show(["operation", "batch", "kernel", "transfer", "end to end", "of ceiling", "lanes", "reference", "crossover"])
for name in [pace["operation"] for pace in tested[0][1]["operations"]]:
    # Signing takes long, and keys longer: those of the device's items take turns.
    of_device = bench(name, BATCHES, "--backend", "gpu", "--gpu", gpu, "--in-flight", f"1,{IN_FLIGHT}", "--keys", "4096")
    lanes, reference = (bench(name, BATCHES_CPU, "--backend", cpu) for cpu in ["lanes", "reference"])
    both = bench(name, BATCHES_CPU[-1:], "--backend", "auto", "--gpu", gpu)
    crossover = max((row.get("crossover_items") or 0 for row in both.values()), default=0)
    for batch in sorted({batch for batch, _ in of_device}):
        alone, row = of_device[batch, 1], of_device[batch, IN_FLIGHT]
        own = alone.get("device") or {}
        kernel = own.get("kernel_items_per_second")
        has_ceiling = gpu == "hardware" and kernel and name in CEILINGS
        cells = [kernel, own.get("transfer_items_per_second"), row["items_per_second"]]
        cpus = [side.get((min(batch, max(side, default=(0, 1))[0]), 1), {}).get("items_per_second") for side in (lanes, reference)]
        show([name, f"{batch:,}" + (" leaves" if name.startswith("merkle-") else ""), *map(number, cells),
              f"{100 * kernel / CEILINGS[name]:.0f}%" if has_ceiling else "-", *map(number, cpus), number(crossover)])
END_PYTHON
echo "written to $out"
