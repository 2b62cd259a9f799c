from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from summarizer import (
    CheckpointNotFound,
    EmptyText,
    InputError,
    InvalidOption,
    NoSentences,
    Summarizer,
    SummaryOptions,
    TooManySentences,
)

ARTICLE = (
    "The council vote on the budget was a storm. People at the bridge said it was on fire!\n\n"
    "She is with police. He said that they are in the city for the year. It was a river of people."
)
AWKWARD = [
    "One sentence",
    "No punctuation at all but some words\nand another line of them",
    "😀 Emoji first. 👨‍👩‍👧 A family! 🇳🇱 A flag?",
    "مرحبا بالعالم. كيف حالك؟ أنا بخير.",
    "שלום עולם. מה שלומך?",
    "It was. It was. It was. It was.",
    "Control \x00 characters \x07 are \x1b[31m kept. Like \r\n this.",
    "a" * 50_000,
    "Combining e\u0301 marks. Z\u0335a\u0336lgo\u0337!",
]


@pytest.mark.parametrize("text", [ARTICLE, *AWKWARD], ids=lambda text: text[:12])
def test_every_sentence_is_a_slice_of_the_article_with_a_score_and_a_rank(summarizer, text):
    evaluation = summarizer.evaluate(text)
    assert evaluation.text == text
    for index, sentence in enumerate(evaluation.sentences):
        assert sentence.index == index
        assert text[sentence.start : sentence.end] == sentence.text
        assert 0 <= sentence.score <= 1
    assert sorted(sentence.rank for sentence in evaluation.sentences) == list(
        range(1, len(evaluation.sentences) + 1)
    )
    ranked = sorted(evaluation.sentences, key=lambda sentence: sentence.rank)
    assert [(-s.score, s.index) for s in ranked] == sorted((-s.score, s.index) for s in ranked)
    assert [s.index for s in evaluation.sentences if s.selected] == list(evaluation.indices)


@given(st.text(max_size=300))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_arbitrary_text_is_evaluated_or_refused_for_a_reason(summarizer: Summarizer, text: str):
    try:
        evaluation = summarizer.evaluate(text)
    except InputError:
        assert not any(character.isalnum() for character in text)
        return
    ends = [0, *(sentence.end for sentence in evaluation.sentences)]
    for end, sentence in zip(ends, evaluation.sentences, strict=False):
        assert end <= sentence.start < sentence.end
        assert text[sentence.start : sentence.end] == sentence.text


@given(st.lists(st.sampled_from([ARTICLE, *AWKWARD]), max_size=6))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_an_article_has_exactly_the_same_evaluation_alone_and_in_a_batch(
    summarizer: Summarizer, texts: list[str]
):
    together = summarizer.evaluate_many(texts)
    assert together == [summarizer.evaluate(text) for text in texts]


def test_the_stages_one_by_one_give_what_evaluate_gives(summarizer: Summarizer):
    options = SummaryOptions(sentences=2, order="score", redundancy="mmr")
    documents = [summarizer.split(ARTICLE), summarizer.take_sentences(["It was.", "He said no."])]
    encoded = summarizer.encode(documents)
    scores = summarizer.score(documents, encoded)
    found = [summarizer.select(*parts, options) for parts in zip(documents, encoded, scores, strict=True)]
    assert found == [
        summarizer.evaluate(ARTICLE, options),
        summarizer.evaluate_sentences(["It was.", "He said no."], options),
    ]


def test_the_first_stage_already_refuses_what_is_too_long(tiny_checkpoint):
    limited = Summarizer.load(tiny_checkpoint, max_sentences=2)
    with pytest.raises(TooManySentences):
        limited.split("One is. Two is. Three is.")
    with pytest.raises(TooManySentences):
        limited.take_sentences(["a", "b", "c"])


def test_five_thousand_sentences_are_scored_and_counted(summarizer):
    text = " ".join(f"Sentence number {index} is about the river." for index in range(5000))
    evaluation = summarizer.evaluate(text, SummaryOptions(ratio=0.1))
    assert len(evaluation.sentences) == 5000
    assert len(evaluation.indices) == 500


def test_repeated_sentences_keep_separate_scores(summarizer):
    evaluation = summarizer.evaluate("It was a storm. It was a storm. It was a storm.")
    assert len({sentence.score for sentence in evaluation.sentences}) == 3
    assert [sentence.start for sentence in evaluation.sentences] == [0, 16, 32]


def test_the_callers_sentences_are_scored_as_they_are(summarizer):
    sentences = ["Two. Really two.", "no stop", "  padded  "]
    evaluation = summarizer.evaluate_sentences(sentences)
    assert [sentence.text for sentence in evaluation.sentences] == sentences
    assert evaluation.text == "Two. Really two.\nno stop\n  padded  "
    for sentence in evaluation.sentences:
        assert evaluation.text[sentence.start : sentence.end] == sentence.text


@pytest.mark.parametrize(
    ("text", "error"),
    [("", EmptyText), (" \n\t\u2003", EmptyText), ("*** --- ***", NoSentences), ("😀😀", NoSentences)],
)
def test_nothing_to_score_is_an_error_that_says_so(summarizer, text, error):
    with pytest.raises(error):
        summarizer.evaluate(text)


@pytest.mark.parametrize("other", [None, b"The council met.", 3])
def test_what_is_not_a_string_is_refused_by_its_type(summarizer, other):
    with pytest.raises(InputError, match=f"must be a string; got {type(other).__name__}") as caught:
        summarizer.evaluate(other)
    assert caught.value.field == ("text",)
    with pytest.raises(InputError, match=f"must be a string; got {type(other).__name__}") as caught:
        summarizer.evaluate_sentences(["The council met.", other])
    assert caught.value.field == ("sentences", 1)


def test_sentences_may_come_one_by_one(summarizer):
    sentences = ["The council met.", "It was late."]
    assert summarizer.evaluate_sentences(iter(sentences)) == summarizer.evaluate_sentences(sentences)


def test_an_empty_name_is_not_the_default_checkpoint(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CheckpointNotFound):
        Summarizer.load("")


def test_an_article_over_the_limit_is_refused_with_both_numbers(tiny_checkpoint):
    limited = Summarizer.load(tiny_checkpoint, max_sentences=2)
    assert limited.evaluate("One is. Two is.")
    with pytest.raises(TooManySentences, match="has 3 sentences; the limit is 2"):
        limited.evaluate("One is. Two is. Three is.")
    with pytest.raises(TooManySentences) as caught:
        limited.evaluate_sentences(["a", "b", "c"])
    assert caught.value.field == ("sentences",)


def test_a_bad_article_in_a_batch_is_named_by_its_position(summarizer):
    with pytest.raises(EmptyText) as caught:
        summarizer.evaluate_many(["Fine.", " "])
    assert caught.value.__notes__ == ["in the article at position 1"]


def test_summary_text_follows_the_order_and_drops_line_breaks(summarizer):
    text = (
        "The council vote on the budget was a storm that nobody had expected\n"
        "at all. People said no! It was fire?"
    )
    document = summarizer.evaluate(text, SummaryOptions(sentences=2))
    score = summarizer.evaluate(text, SummaryOptions(sentences=2, order="score"))
    assert sorted(score.indices) == list(document.indices)
    assert "\n" in "".join(sentence.text for sentence in document.selected)
    assert "\n" not in document.summary
    assert [sentence.rank for sentence in score.selected] == [1, 2]


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (SummaryOptions(sentences=99), "fewer_sentences"),
        (SummaryOptions(words=1), "empty_summary"),
        (SummaryOptions(threshold=1.0), "empty_summary"),
    ],
)
def test_a_summary_other_than_asked_for_comes_with_a_warning(summarizer, options, code):
    assert [warning.code for warning in summarizer.evaluate(ARTICLE, options).warnings] == [code]


@pytest.mark.parametrize("count", [1, 5])
def test_a_summary_as_asked_for_comes_without_a_warning(summarizer, count):
    evaluation = summarizer.evaluate(ARTICLE, SummaryOptions(sentences=count))
    assert len(evaluation.sentences) == 5
    assert evaluation.warnings == ()


def test_a_threshold_that_nothing_reaches_is_answered_with_the_best_score(summarizer):
    evaluation = summarizer.evaluate(ARTICLE, SummaryOptions(threshold=1.0))
    best = max(sentence.score for sentence in evaluation.sentences)
    assert evaluation.warnings[0].detail.endswith(f"1.0 or more; the best scores {best}")


@pytest.fixture(scope="module")
def shipped() -> Summarizer:
    return Summarizer.load()


@pytest.mark.parametrize(
    "text",
    [
        "Der Gemeinderat hat am Dienstag die neue Brücke beschlossen. Sie soll bis zum Herbst fertig sein und"
        " kostet die Stadt mehr, als der Kämmerer im Frühjahr versprochen hatte.",
        "Le conseil municipal a voté mardi la construction du nouveau pont. Il doit ouvrir à l'automne et"
        " coûtera plus cher que ce que le maire avait promis au printemps dernier.",
        "El ayuntamiento aprobó el martes la construcción del nuevo puente. Debe abrir en otoño y costará más"
        " de lo que el alcalde había prometido en primavera a los vecinos del barrio.",
        "Городской совет во вторник одобрил строительство нового моста. Он должен открыться осенью и"
        " обойдётся городу дороже, чем мэр обещал весной жителям этого района.",
        "صوت مجلس المدينة يوم الثلاثاء على بناء الجسر الجديد. ومن المقرر أن يفتتح في الخريف وسيكلف المدينة"
        " أكثر مما وعد به رئيس البلدية سكان الحي في الربيع الماضي.",
    ],
    ids=["German", "French", "Spanish", "Russian", "Arabic"],
)
def test_text_of_another_language_is_scored_with_a_warning(shipped, text):
    evaluation = shipped.evaluate(text)
    assert len(evaluation.sentences) == 2
    assert [warning.code for warning in evaluation.warnings] == ["unfamiliar_words"]


@pytest.mark.parametrize(
    "text",
    [
        "The council of Llanfairpwll voted on Tuesday for the Aberconwy footbridge, said Councillor Gwenllian"
        " Prydderch-Jones. Bryn Cadwaladr of Plaid Cymru and Siân Eirlys Morgan abstained.",
        "Whisk two eggs with a pinch of salt. Fold in the flour, a knob of butter and the zest of a lemon,"
        " then rest the batter for half an hour before frying.",
        "Use `df.groupby('key').agg(fn)`, not `apply`. With numpy>=1.26 the dtype stays int64, so you need no"
        " astype() at all; see the docs of pandas for what else has changed.",
        "Die Brücke ist alt.",
    ],
    ids=["names", "recipe", "code", "too short to tell"],
)
def test_familiar_words_and_too_few_to_tell_need_no_warning(shipped, text):
    assert shipped.evaluate(text).warnings == ()


def test_scores_have_no_more_than_six_decimals(summarizer):
    scores = [sentence.score for sentence in summarizer.evaluate(ARTICLE).sentences]
    assert scores == [round(score, 6) for score in scores]


def test_the_dictionary_is_the_contract_of_the_api(summarizer):
    found = summarizer.evaluate(ARTICLE).as_dict()
    assert list(found) == ["model", "sentences", "summary", "warnings"]
    assert list(found["model"]) == ["name", "version", "sha256", "encoder"]
    assert list(found["sentences"][0]) == [
        "index",
        "text",
        "start",
        "end",
        "score",
        "rank",
        "selected",
        "truncated",
    ]
    assert list(found["summary"]) == ["text", "indices"]


def test_threads_that_share_a_summarizer_do_not_disturb_each_other(summarizer):
    texts = [ARTICLE, *AWKWARD] * 5
    with ThreadPoolExecutor(8) as threads:
        together = list(threads.map(summarizer.evaluate, texts))
    assert together == [summarizer.evaluate(text) for text in texts]


def scores(summarizer: Summarizer, kind: str | None) -> list[float]:
    return [sentence.score for sentence in summarizer.evaluate(ARTICLE, SummaryOptions(kind=kind)).sentences]


def test_a_kind_is_recognized_unless_it_is_named_and_changes_the_scores(kinds_checkpoint):
    summarizer = Summarizer.load(kinds_checkpoint)
    assert summarizer.kinds == ("news", "paper")
    news, paper, recognized = (scores(summarizer, kind) for kind in ("news", "paper", None))
    assert news != paper
    assert recognized in (news, paper)
    evaluated = summarizer.evaluate_many([ARTICLE, "It was."], SummaryOptions(kind="paper"))
    assert [sentence.score for sentence in evaluated[0].sentences] == paper


@pytest.mark.parametrize(
    ("fixture", "message"),
    [
        ("kinds_checkpoint", "kind must be one of news, paper; got 'poem'"),
        ("tiny_checkpoint", "this model tells no kinds of text apart; leave out kind='poem'"),
    ],
)
def test_a_kind_that_the_model_does_not_know_is_refused(request, fixture, message):
    summarizer = Summarizer.load(request.getfixturevalue(fixture))
    with pytest.raises(InvalidOption, match=message) as caught:
        summarizer.evaluate(ARTICLE, SummaryOptions(kind="poem"))
    assert caught.value.field == ("kind",)
