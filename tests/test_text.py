"""Any text: what the model writes of it, what the alphabet draws, and what nothing can write."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwkit import alphabet
from hwkit.errors import InputError, VocabularyError
from hwkit.text import MOST_MARKS, Part, Written, pieces, plan

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
LEARNED = " !\"'(),.0123456789?" + LETTERS  # what the packaged "cursive" knows


def said(lines):
    return [[word.text for word in words] for words in lines]


def parts(word):
    [[written]] = plan(word, LEARNED)
    return [(part.text, part.drawn, *part.marks) for part in written.parts]


def test_what_the_model_learned_is_the_models():
    assert plan("Dear Ann,", LEARNED) == [
        [Written("Dear", (Part("Dear", False),)), Written("Ann,", (Part("Ann,", False),))]
    ]
    assert parts("—") == [("—", True)]
    assert plan("é—", LEARNED + "é—")[0][0].parts == (Part("é—", False),)


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("user@example.com", [("user", False), ("@", True), ("example.com", False)]),
        ("[12]", [("[", True), ("12", False), ("]", True)]),
        ("aa_bb", [("aa", False), ("_", True), ("bb", False)]),
        ("{x}", [("{x}", True)]),  # a letter alone among drawn ones
        ("a_bb", [("a_", True), ("bb", False)]),
        ("{}", [("{}", True)]),
        ("£50", [("£", True), ("50", False)]),
        ("x²", [("x²", True)]),
    ],
)
def test_the_alphabet_draws_the_rest(word, expected):
    assert parts(word) == expected


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("café", [("cafe", False, (3, "acute"))]),
        ("Ångström", [("Angstrom", False, (0, "ring"), (6, "diaeresis"))]),
        ("ế", [("e", False, (0, "circumflex"), (0, "acute"))]),
        ("ậ", [("a", False, (0, "dot below"), (0, "circumflex"))]),
        ("Łódź", [("Lodz", False, (0, "tick left"), (1, "acute"), (3, "acute"))]),
        ("øđħ", [("odh", False, (0, "slash"), (1, "bar right"), (2, "bar left"))]),
        ("ķģ", [("kg", False, (0, "comma below"), (1, "comma"))]),
        ("çď", [("cd", False, (0, "cedilla"), (1, "apostrophe"))]),
        ("≠", [("=", True, (0, "slash"))]),
        ("æß", [("æß", True)]),
    ],
)
def test_accents_stand_on_letters(word, expected):
    assert parts(word) == expected
    assert said(plan(word, LEARNED)) == [[word]]


def test_an_accent_on_a_letter_that_the_model_lacks_stands_on_the_alphabets():
    assert plan("nnée", "n")[0][0].parts == (Part("nn", False), Part("ee", True, ((0, "acute"),)))


@pytest.mark.parametrize(
    ("given", "plain"),
    [
        ("“so”", '"so"'),
        ("it’s", "it's"),
        ("1–2−3‑4", "1-2-3-4"),
        ("so…", "so..."),
        ("ﬁn", "fin"),
        ("ＡＢ１！", "AB1!"),
        ("Ⅳ", "IV"),
        ("STRAẞE", "STRASSE"),
        ("℃", "°C"),
        ("⅐", "1/7"),
        ("soft\u00adhy\u200bphen\ufeff", "softhyphen"),
        ("𝐁𝑖", "Bi"),
    ],
)
def test_forms_become_what_a_hand_writes(given, plain):
    assert said(plan(given, LEARNED)) == [[plain]]


@pytest.mark.parametrize("space", " \t\u00a0\u2009\u202f\u3000")
def test_words_stand_between_white_space(space):
    assert said(plan(f"{space}a{space}{space}b ", LEARNED)) == [["a", "b"]]


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r", "\u2028", "\u2029", "\f", "\v", "\x85"])
def test_every_newline_ends_a_line(newline):
    assert said(plan(newline.join(["a b", "", " ", "c", ""]), LEARNED)) == [["a", "b"], [], [], ["c"]]


def test_no_text_has_no_lines():
    assert plan("", LEARNED) == []
    assert plan("\n", LEARNED) == plan(" ", LEARNED) == [[]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ab\nc d😀", r"write '😀' \(U\+1F600 GRINNING FACE\), line 2, character 4;"),
        ("αβ γ", r"'α' \(U\+03B1 GREEK SMALL LETTER ALPHA\), line 1, character 1 \(nor 2 more\);"),
        ("привет", "CYRILLIC SMALL LETTER PE"),
        ("שָׁלוֹם", "HEBREW LETTER SHIN"),
        ("مرحبا", "ARABIC LETTER MEEM"),
        ("漢字", "CJK UNIFIED IDEOGRAPH"),
        ("한", "HANGUL SYLLABLE HAN"),
        ("a\x07", r"\(U\+0007 without a name\), line 1, character 2;"),
        ("a\x1cb", r"\(U\+001C without a name\)"),
        ("\ud800", r"\(U\+D800 without a name\)"),
        (" \u0301", "COMBINING ACUTE ACCENT"),
        ("a" + "\u0301" * (MOST_MARKS + 1), "COMBINING ACUTE ACCENT"),
        ("❤️", r"HEAVY BLACK HEART\), line 1, character 1;"),
    ],
)
def test_what_nothing_can_write_is_refused_in_one_line(text, message):
    with pytest.raises(VocabularyError, match=message) as caught:
        plan(text, LEARNED)
    assert "\n" not in str(caught.value)
    assert "--unknown skip or replace" in str(caught.value)


def test_what_nothing_can_write_can_be_skipped_or_replaced():
    text = "hi😀 α❤️ d\u0436\u0301e"
    assert said(plan(text, LEARNED, unknown="skip")) == [["hi", "de"]]
    assert said(plan(text, LEARNED, unknown="replace")) == [["hi?", "??", "d?e"]]
    assert said(plan(text, LEARNED, unknown="replace", replacement="(é)")) == [["hi(é)", "(é)(é)", "d(é)e"]]
    for bad in ("α", " ", "\n"):
        with pytest.raises(InputError, match="cannot stand for"):
            plan(text, LEARNED, unknown="replace", replacement=bad)
    with pytest.raises(InputError, match="'drop'"):
        plan(text, LEARNED, unknown="drop")


LATIN = "".join(map(chr, [*range(0xA1, 0x180), *range(0x1E00, 0x1E9C), *range(0x1EA0, 0x1EFA)]))


def test_all_of_latin_1_latin_extended_a_and_vietnamese_can_be_written():
    assert plan(LATIN, LEARNED)


TEXTS = st.text() | st.text(st.sampled_from(LATIN + " \n\u0301\u0323\u0338½😀…" + LEARNED))
KNOWN = st.text(max_size=20) | st.sampled_from(["", LEARNED, LEARNED + "éø/"])


@given(TEXTS, KNOWN, st.sampled_from(["refuse", "skip", "replace"]))
def test_every_text_is_refused_or_written(text, known, unknown):
    try:
        lines = plan(text, known, unknown=unknown)
    except InputError:
        assert unknown == "refuse"
        assert plan(text, known, unknown="skip") != plan(text, known, unknown="replace")
        return
    for word in (word for words in lines for word in words):
        assert word.text
        assert not any(c.isspace() for c in word.text)
        for part, following in zip(word.parts, [*word.parts[1:], None], strict=True):
            assert part.text
            assert following is None or following.drawn != part.drawn
            assert all(alphabet.has(c) if part.drawn else c in known for c in part.text)
            assert [index for index, _ in part.marks] == sorted(index for index, _ in part.marks)
            assert all(0 <= index < len(part.text) and name in alphabet.MARKS for index, name in part.marks)


@given(TEXTS, KNOWN, st.sampled_from(["refuse", "skip", "replace"]))
def test_equivalent_texts_are_written_alike(text, known, unknown):
    def outcome(form):
        try:
            return plan(unicodedata.normalize(form, text), known, unknown=unknown)
        except InputError as error:
            return str(error)

    assert outcome("NFC") == outcome("NFD")


@given(TEXTS.filter(lambda text: len(text.splitlines()) <= 1), KNOWN)
def test_visible_ascii_stays_in_order(text, known):
    lines = plan(text, known, unknown="skip")
    bases = "".join(part.text for words in lines for word in words for part in word.parts)
    rest = iter(unicodedata.normalize("NFD", bases))
    assert all(c in rest for c in unicodedata.normalize("NFD", text) if c in alphabet.ASCII)


@given(st.text(st.sampled_from(alphabet.ASCII + " "), max_size=60))
def test_ascii_says_what_was_given(text):
    assert [word for words in said(plan(text, LEARNED)) for word in words] == text.split()


WORDS = st.lists(st.text("ab", min_size=1, max_size=14), max_size=12)


def greedy(words, longest):
    count, length = 0, longest + 1
    for word in words:
        if length + 1 + len(word) > longest:
            count, length = count + 1, len(word)
        else:
            length += 1 + len(word)
    return count


@given(WORDS, st.integers(1, 40))
def test_pieces_hold_all_words_in_order_and_are_as_few_as_can_be(words, longest):
    found = pieces(words, longest)
    assert [index for piece in found for index in piece] == list(range(len(words)))
    assert len(found) == greedy(words, longest)
    for piece in found:
        assert len(piece) == 1 or len(" ".join(words[index] for index in piece)) <= longest


def test_pieces_are_even():
    assert pieces(["a" * 20, "b" * 20, "c" * 20, "d"], 62) == [[0, 1], [2, 3]]
    assert pieces(["aa"] * 8, 20) == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert pieces(["a", "b" * 99, "c"]) == [[0], [1], [2]]
    assert pieces([]) == []
    with pytest.raises(InputError, match="a piece of 0"):
        pieces(["a"], 0)


def test_a_long_text_is_planned_whole():
    text = "\n".join(["It cost €4.50 at the café, she said: “so much?” Yes – really."] * 800)
    lines = plan(text, LEARNED)
    assert len(lines) == 800
    assert sum(map(len, lines)) == 800 * 13
    assert len(pieces([word.text for words in lines for word in words])) < 900
