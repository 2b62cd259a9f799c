# The service with its model in one image; it needs no network when it runs.
#
#   docker build --tag quote-summarizer .
#   docker run --rm --read-only --tmpfs /tmp --cap-drop ALL --publish 8000:8000 quote-summarizer
#
# Build arguments:
#   TORCH=cpu       for a checkpoint whose encoder is a transformer; TORCH=cuda: the same, run with --gpus all.
#                   The default model needs neither.
#   BASE            another image with Python 3.11, as one of your own registry
#   PIP_INDEX_URL   another package index, as one of your own
#
# Settings, sizing and what the service does when something fails: docs/operations.md.

# The tag says what it is, the digest (of all platforms) makes every build the same. Renew both now and then.
ARG BASE=python:3.11-slim-bookworm@sha256:a36c24f9cbdf4fd0f52d67f0823eeac19c2028c637cecc392d97f980d4fec56b

# What the project needs: a layer that changes with the locked requirements only, not with each release. Installers stay
# behind, and of PyTorch, where it is wanted, its own tests and what only compiling against it needs (200 MB).
FROM ${BASE} AS packages
ARG TORCH=
ARG PIP_INDEX_URL=https://pypi.org/simple
ENV PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore UV_NO_CACHE=1 UV_DEFAULT_INDEX=${PIP_INDEX_URL}
WORKDIR /build
COPY requirements requirements
RUN python -m venv /opt/venv \
    && if [ -z "${TORCH}" ]; then VENV=/opt/venv sh requirements/install.sh serving; \
       else VENV=/opt/venv sh requirements/install.sh transformers "${TORCH}" \
            && ( cd /opt/venv/lib/python3*/site-packages/torch && rm -rf include test \
                 && find bin -type f ! -name torch_shm_manager -delete ); fi \
    && /opt/venv/bin/python -m pip uninstall --quiet --yes uv pip

# The project itself, compiled, and readable for everybody however it was checked out. Where no compiler can be installed,
# the image is slower, not broken (summarizer/compiled.py).
FROM packages AS project
RUN (apt-get update && apt-get install --yes --no-install-recommends gcc libc6-dev) > /dev/null \
    || echo "no C compiler can be installed; the kernels will not be compiled" >&2
COPY pyproject.toml README.md LICENSE NOTICE ./
COPY summarizer summarizer
COPY service service
RUN python -m pip --python /opt/venv/bin/python install --quiet --no-deps --no-build-isolation --target /app .

FROM ${BASE}
LABEL org.opencontainers.image.title="quote-summarizer" \
      org.opencontainers.image.description="A score for every sentence of an article, over HTTP" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=packages /opt/venv /opt/venv
COPY --from=project /app /app
ENV PATH=/opt/venv/bin:/app/bin:${PATH} PYTHONPATH=/app PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
WORKDIR /app
# By number, so that Kubernetes can see that it is not root. No such user needs to exist.
USER 10001:10001
EXPOSE 8000
# gunicorn finishes what it has begun, for at most 32 s; docker stop needs -t 35.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-IS", "-c", "import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + (os.environ.get('PORT') or '8000') + '/healthz', timeout=4)"]
CMD ["gunicorn", "--config", "service/gunicorn.conf.py", "service.server:app()"]
