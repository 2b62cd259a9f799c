#!/bin/sh
# Run an image as an operator would lock it up, and see that it works: no network, nothing writable but /tmp, no
# capability. Needs docker only.
#   deploy/smoke.sh [IMAGE]
set -eu
image=${1:-quote-summarizer}
name=quote-summarizer-smoke-$$
say() { echo "$(date +%T) $*"; }
trap 'docker rm --force "$name" >/dev/null 2>&1 || true' EXIT

docker run --detach --name "$name" --read-only --tmpfs /tmp --cap-drop ALL --security-opt no-new-privileges \
    --network none --env WEB_CONCURRENCY=2 --health-interval 1s "$image" >/dev/null
say "started $image"
until [ "$(docker inspect --format '{{.State.Health.Status}}' "$name")" = healthy ]; do
    [ "$(docker inspect --format '{{.State.Running}}' "$name")" = true ] || { docker logs "$name"; exit 1; }
    sleep 0.2
done
say "ready"

docker exec --interactive "$name" python - <<'PYTHON'
from pathlib import Path
from summarizer import Summarizer, SummaryOptions
from summarizer.client import Client

article = "The council cut the budget on Monday. Nobody came to the meeting. The bridge will be built in May."
client, options = Client("http://127.0.0.1:8000"), SummaryOptions(sentences=1)
expected = Summarizer.load().evaluate(article, options)
assert client.evaluate(article, options) == expected
assert client.evaluate_many([article, article], options) == [expected, expected]
page = f"<html><body><article><h1>Budget</h1><p>{article}</p><p>{article}</p></article></body></html>"
assert "The council cut the budget on Monday." in client.evaluate_html(page).text
for folder in ("/", "/app", "/opt/venv"):
    try:
        Path(folder, "new").touch()
    except OSError:
        continue
    raise AssertionError(f"{folder} can be written")
PYTHON
say "answers text, batch and HTML as the library does; its files cannot be changed; user $(docker exec "$name" id -u)"

say "kernels: $(docker exec "$name" python -c 'from summarizer.compiled import kernels as k; print("compiled" if k else "in NumPy")')"

docker stop -t 35 "$name" >/dev/null 2>&1
status=$(docker inspect --format '{{.State.ExitCode}}' "$name")
[ "$status" = 0 ] || { echo "stopped with status $status"; docker logs "$name"; exit 1; }
say "stopped by SIGTERM with status 0"
docker image inspect --format '{{.Size}} bytes' "$image"
