"""The two best sentences of an article, with the project's client.

python examples/evaluate.py URL FILE
API_KEY=… python examples/evaluate.py https://summarizer.example.org article.txt
"""

import os
import sys
from pathlib import Path

from summarizer import SummaryOptions
from summarizer.client import Client, ServiceError, ServiceUnreachable


def main(url: str, file: str) -> int:
    """Print the score, position and text of each selected sentence."""
    # Retries after 429 and 503, and waits at least as long as Retry-After says.
    client = Client(url, api_key=os.environ.get("API_KEY"))
    # Not read_text, which turns \r\n into \n: the offsets would not be those of the file.
    article = Path(file).read_bytes().decode("utf-8")
    try:
        evaluation = client.evaluate(article, SummaryOptions(sentences=2, order="score"))
    except ServiceError as error:  # error.code is stable and machine-readable
        print(f"{error} (request {error.request_id})", file=sys.stderr)
        return 1
    except ServiceUnreachable as error:
        print(error, file=sys.stderr)
        return 1
    for sentence in evaluation.selected:
        print(f"{sentence.score:.3f} {sentence.start}-{sentence.end} {sentence.text}")
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: python examples/evaluate.py URL FILE")
    sys.exit(main(*sys.argv[1:]))
