#!/bin/sh
# Install locked requirements and this project into the virtual environment $VENV.
#   VENV=.venv requirements/install.sh serving
#   VENV=.venv requirements/install.sh transformers|test|benchmarks cpu|cuda
set -eu
wanted=requirements/$1.txt
build=${2:-none}
if [ "$1" = serving ]; then with=''; else with="-r requirements/torch-$build.txt"; fi
pip="$VENV/bin/python -m pip --disable-pip-version-check"

echo "Installing $1 requirements into $VENV ${with:+with the $build build of PyTorch }..." >&2
# The build tool comes first: rouge-score is published as source only, and is built with this one.
$pip install --quiet --require-hashes -r requirements/build.txt

# pip looks where this machine is set up to look: a package index, a mirror, a folder of wheels. On Linux
# most have only the CUDA build of PyTorch under its plain version, which +cpu refuses; uv knows where
# PyTorch publishes its CPU builds.
# shellcheck disable=SC2086  # two arguments, or none
if ! $pip install --quiet --require-hashes --no-build-isolation $with -r "$wanted"; then
    if [ "$build" != cpu ]; then exit 1; fi
    echo "pip finds no CPU build of PyTorch here; trying with uv ..." >&2
    $pip install --quiet --require-hashes -r requirements/uv.txt
    # shellcheck disable=SC2086
    "$VENV/bin/uv" pip install --python "$VENV/bin/python" --quiet --require-hashes --no-build-isolation \
        --torch-backend cpu $with -r "$wanted"
fi
# The image's lower layer holds requirements only (Dockerfile).
if [ -f pyproject.toml ]; then
    $pip install --quiet --no-build-isolation --no-deps --editable .
    "$VENV/bin/python" -c 'from summarizer.compiled import kernels; exit(kernels is None)' ||
        echo "The kernels could not be compiled, so NumPy does their work, more slowly; with a C compiler they can." >&2
fi
