"""A corpus in which what is quoted can be learnt: the sentence about the budget."""

import json
from pathlib import Path

import numpy as np

FILLER = [
    "The river is at the bridge.",
    "It was a storm for the people of the city.",
    "They said that the school is by the river.",
    "He was with police for a year.",
]
QUOTED = "The council said the vote on the budget was a fire."


def write_corpus(file: Path, articles: int = 80) -> Path:
    generator = np.random.default_rng(0)
    with file.open("w", encoding="utf-8") as lines:
        for number in range(articles):
            # Numbers that the encoder does not know: articles of the same sentences are no near duplicates.
            sentences = [
                FILLER[row].replace(" ", f" {generator.integers(10**6)} ", 1)
                for row in generator.integers(0, len(FILLER), generator.integers(3, 9))
            ]
            sentences.insert(int(generator.integers(0, len(sentences) + 1)), QUOTED)
            lines.write(
                json.dumps({"id": f"tiny/{number}", "text": " ".join(sentences), "quotes": [QUOTED]}) + "\n"
            )
    return file
