"""Lists inside sentences."""

from __future__ import annotations

import pytest

from sharpstudy.wording import join_words


@pytest.mark.parametrize(
    ("parts", "words"),
    [("", ""), ("a", "a"), ("ab", "a and b"), ("abc", "a, b and c"), (iter("ab"), "a and b")],
)
def test_parts_are_joined_as_a_sentence_lists_them(parts, words):
    assert join_words(parts) == words
