#!/bin/sh
# Install locked requirements and this project into the virtual environment $VENV.
#   VENV=.venv requirements/install.sh cpu|cuda serving|test
set -eu
torch=requirements/torch-$1.txt
wanted=requirements/$2.txt
pip="$VENV/bin/python -m pip --disable-pip-version-check"

echo "Installing $2 requirements with PyTorch's $1 build into $VENV ..." >&2
# The build tool comes first: rouge-score is published as source only, and is built with this one.
$pip install --quiet --require-hashes -r requirements/build.txt

# pip looks where this machine is set up to look: a package index, a mirror, a folder of wheels. On Linux
# most have only the CUDA build of PyTorch under its plain version, which +cpu refuses; uv knows where
# PyTorch publishes its CPU builds.
if ! $pip install --quiet --require-hashes --no-build-isolation -r "$torch" -r "$wanted"; then
    if [ "$1" != cpu ]; then exit 1; fi
    echo "pip finds no CPU build of PyTorch here; trying with uv ..." >&2
    $pip install --quiet --require-hashes -r requirements/uv.txt
    "$VENV/bin/uv" pip install --python "$VENV/bin/python" --quiet --require-hashes --no-build-isolation \
        --torch-backend cpu -r "$torch" -r "$wanted"
fi
# The image's lower layer holds requirements only (Dockerfile).
if [ -f pyproject.toml ]; then
    $pip install --quiet --no-build-isolation --no-deps --editable .
fi
