#!/bin/sh
# Resolve pyproject.toml for all platforms and write the locked files of this folder. Needs uv on the path.
set -eu
cd "$(dirname "$0")/.."
resolve() { uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header "$@"; }

gpu_packages=$(resolve requirements/torch.in | grep -oE '^(torch|triton|cuda-[a-z]+|nvidia-[a-z0-9-]+)' | sort -u)
without_gpu=$(for name in $gpu_packages; do printf -- '--no-emit-package %s ' "$name"; done)

resolve pyproject.toml -o requirements/serving.txt >/dev/null
# shellcheck disable=SC2086  # a list of options
resolve pyproject.toml requirements/torch.in --extra transformers $without_gpu -o requirements/transformers.txt >/dev/null
# shellcheck disable=SC2086
resolve pyproject.toml requirements/torch.in --extra page-tests $without_gpu -o requirements/test.txt >/dev/null
# shellcheck disable=SC2086
resolve pyproject.toml requirements/torch.in --extra page-tests --extra benchmarks $without_gpu \
    -o requirements/benchmarks.txt >/dev/null

# What the CUDA build needs beyond transformers.txt.
resolve requirements/torch.in | awk -v wanted="$gpu_packages" '
    BEGIN { split(wanted, names, "\n"); for (i in names) keep[names[i]] }
    /^[a-z]/ { name = $1; sub(/[=\[].*/, "", name); on = (name in keep) }
    on' > requirements/torch-cuda.txt
resolve requirements/uv.in -o requirements/uv.txt >/dev/null
resolve requirements/build.in -o requirements/build.txt >/dev/null
