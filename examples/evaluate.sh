#!/bin/sh
# The two best sentences of an article, with curl. Prints the answer, or the problem, as JSON.
#   examples/evaluate.sh URL FILE
#   API_KEY=… examples/evaluate.sh https://summarizer.example.org article.txt
set -eu
url=${1:?give a URL and a file: examples/evaluate.sh http://localhost:8000 article.txt}
article=${2:?give a file after the URL}

# --retry repeats the request after 429 and 503, and waits as long as Retry-After says.
set -- --silent --show-error --fail-with-body --max-time 35 --retry 3
if [ -n "${API_KEY:-}" ]; then
    set -- "$@" --header "Authorization: Bearer $API_KEY"
fi
# Into a file, which curl empties before it retries; on standard output the answers would follow one another.
answer=$(mktemp)
trap 'rm -f "$answer"' EXIT
status=0
curl "$@" --header 'Content-Type: text/plain; charset=utf-8' --data-binary "@$article" --output "$answer" \
    "$url/api/evaluate?sentences=2&order=score" || status=$?
cat "$answer"
exit $status
