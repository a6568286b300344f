"""Vocabulary: text to classes and back, and what becomes of rare and unknown characters."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwkit.errors import InputError, VocabularyError
from hwkit.vocabulary import END, Vocabulary, VocabularyRule, learn, name_of


@given(st.text(min_size=1))
def test_what_is_encoded_decodes_to_itself(text):
    vocabulary, _ = learn([text], VocabularyRule(leave_out=""))
    classes = vocabulary.encode(text)
    assert len(classes) == len(text) + 1
    assert classes[-1] == END == 0
    assert (classes[:-1] > 0).all()
    assert classes.max() < vocabulary.size
    assert vocabulary.decode(classes) == text


def test_classes_by_hand():
    vocabulary = Vocabulary(characters="abc", non_letter="7?")
    assert vocabulary.size == 5
    assert vocabulary.encode("cab?a7").tolist() == [3, 1, 2, 4, 1, 4, 0]
    assert vocabulary.decode([3, 1, 4, 0]) == "ca\N{REPLACEMENT CHARACTER}"
    assert Vocabulary(characters="abc").size == 4


def test_an_unknown_character_is_named_with_its_place():
    vocabulary = Vocabulary(characters="abc ")
    assert vocabulary.unknown("aéb\x07") == [(2, "é"), (4, "\x07")]
    with pytest.raises(
        VocabularyError, match=r"'é' \(U\+00E9 LATIN SMALL LETTER E WITH ACUTE\), character 2 of"
    ):
        vocabulary.encode("aéb\x07")
    with pytest.raises(VocabularyError, match=r"learned \(U\+0007 without a name\), character 4"):
        vocabulary.encode("abb\x07")
    assert name_of("a") == "'a' (U+0061 LATIN SMALL LETTER A)"


def test_no_text_cannot_be_written():
    with pytest.raises(VocabularyError, match="no text"):
        Vocabulary(characters="abc").encode("")


@pytest.mark.parametrize(
    ("characters", "non_letter"), [("", ""), ("", "7"), ("aba", ""), ("ab", "cb"), ("ab", "cc")]
)
def test_a_vocabulary_has_characters_each_once(characters, non_letter):
    with pytest.raises(InputError, match="each of them once"):
        Vocabulary(characters=characters, non_letter=non_letter)


TEXTS = ["aab", "ab c", "a#zz", "bd"]  # a 3, b 3, c 1, d 1, space 1; the third line is not read


def test_characters_are_counted_over_the_lines_that_can_be_read():
    vocabulary, counts = learn(TEXTS, VocabularyRule())
    assert counts == {"a": 3, "b": 3, "c": 1, "d": 1, " ": 1}
    assert vocabulary == Vocabulary(characters=" abcd")
    assert learn(TEXTS, VocabularyRule(leave_out=""))[0].characters == " #abcdz"


def test_a_character_seen_as_often_as_the_least_count_is_kept():
    assert learn(TEXTS, VocabularyRule(min_count=3))[0] == Vocabulary(characters="ab")
    assert learn(TEXTS, VocabularyRule(min_count=2))[0] == Vocabulary(characters="ab")
    with pytest.raises(InputError, match="no character is left"):
        learn(TEXTS, VocabularyRule(min_count=4))
    with pytest.raises(InputError):
        learn([], VocabularyRule())


def test_rare_characters_share_a_class_where_the_rule_says_so():
    vocabulary, _ = learn(TEXTS, VocabularyRule(min_count=2, rare="non-letter"))
    assert vocabulary == Vocabulary(characters="ab", non_letter=" cd")
    assert vocabulary.encode("abc d").tolist() == [1, 2, 3, 3, 3, 0]
    assert learn(TEXTS, VocabularyRule(rare="non-letter"))[0].non_letter == ""


def test_letters_only_keeps_letters_the_space_and_the_plainest_punctuation():
    texts = ["aÉ .,'\"-7(!;:?"]
    vocabulary, _ = learn(texts, VocabularyRule(letters_only=True, rare="non-letter"))
    assert set(vocabulary.characters) == set("aÉ .,'\"-")
    assert set(vocabulary.non_letter) == set("7(!;:?")
    assert learn(texts, VocabularyRule(letters_only=True))[0].unknown("a7") == [(2, "7")]
    assert learn(["aa.7"], VocabularyRule(letters_only=True, min_count=2))[0].characters == "a"
