#!/bin/sh
# The two best sentences of an article, with curl. Prints the answer, or the problem, as JSON.
#   examples/evaluate.sh URL FILE
#   API_KEY=… examples/evaluate.sh https://summarizer.example.org article.txt
set -eu
url=$1
article=$2

# --retry repeats the request after 429 and 503, and waits as long as Retry-After says.
set -- --silent --show-error --fail-with-body --max-time 35 --retry 3
if [ -n "${API_KEY:-}" ]; then
    set -- "$@" --header "Authorization: Bearer $API_KEY"
fi
curl "$@" --header 'Content-Type: text/plain; charset=utf-8' --data-binary "@$article" \
    "$url/api/evaluate?sentences=2&order=score"
