"""Words of texts in several scripts, texts without some of them, and tokens."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pellucid as pl
from pellucid.core.features import Features


def test_english():
    features = Features.words("Don't go: state-of-the-art, 3.5 stars (really) 😀!")
    assert features.names == ("Don't", "go", "state-of-the-art", "3.5", "stars", "really", "😀")
    assert set(features.kinds) == {"token"}
    assert Features.words("No, no!", punctuation=True).names == ("No", ",", "no", "!")


def test_chinese_words_and_latin_ones_between_them():
    features = Features.words("我很喜欢这部电影，iPhone很好用！")
    assert "电影" in features.names
    assert "喜欢" in features.names
    assert "iPhone" in features.names
    assert "，" not in features.names
    assert "".join(features.names) == "我很喜欢这部电影iPhone很好用"
    assert (
        features.keep(np.zeros(len(features), bool), "[MASK]")
        == "[MASK]" * features.names.index("iPhone") + "，" + "[MASK]" * (len(features) - features.names.index("iPhone")) + "！"
    )


def test_jieba_leaves_nothing_in_the_folder_for_temporary_files(tmp_path):
    import subprocess
    import sys

    code = "import pellucid as pl; assert len(pl.Features.words('我喜欢电影')) < 5"
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], env={"TMPDIR": str(tmp_path), "PATH": ""}, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr == ""
    assert not list(tmp_path.iterdir())


def test_words_that_a_user_added_to_jieba_count():
    import jieba

    assert len(Features.words("蓝瘦香菇")) > 1
    jieba.add_word("蓝瘦香菇", freq=10**6)
    try:
        assert Features.words("蓝瘦香菇").names == ("蓝瘦香菇",)
    finally:
        jieba.del_word("蓝瘦香菇")


@pytest.mark.parametrize(
    ("text", "absent", "left"),
    [
        ("the quick fox", [1], "the fox"),
        ("the quick fox", [0], "quick fox"),
        ("the quick fox", [2], "the quick"),
        ("the quick fox", [0, 1, 2], ""),
        ("a very, nice one", [1], "a, nice one"),
        ("a (very good) film.", [1], "a (good) film."),
        ("a (very good) film.", [1, 2], "a () film."),
        ("good film!", [1], "good!"),
        ("one\ntwo three", [1], "one\nthree"),
        ("one two\nthree", [1], "one\nthree"),
        ("two  spaces here", [2], "two  spaces"),
        ("  led by space", [1], "  led space"),
        ("x/y", [0], "/y"),
    ],
)
def test_deletion_leaves_the_spaces_tidy(text, absent, left):
    features = Features.words(text)
    present = ~np.isin(np.arange(len(features)), absent)
    assert features.keep(present) == left


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet="ab 我们,.!\n'-(\ue000", max_size=25), st.integers(0, 1000))
def test_all_present_is_the_text_and_the_words_left_are_those_present(text, seed):
    features = Features.words(text)
    assert features.keep(np.ones(len(features), bool)) == text
    coalition = np.random.default_rng(seed).random(len(features)) < 0.5
    masked = features.keep(coalition, "[MASK]")
    assert masked.count("[MASK]") == (~coalition).sum()
    deleted = re.sub(r"\s", "", features.keep(coalition))
    assert deleted == re.sub(r"\s", "", features.keep(coalition, ""))
    np.testing.assert_array_equal(features.mask(coalition[None])[0], coalition)


def test_several_coalitions_and_several_texts():
    one, two = Features.words(["good film", ""])
    assert one.keep(np.array([[True, False], [False, True]])) == ["good", "film"]
    assert len(two) == 0
    assert two.keep(np.zeros(0, bool)) == ""
    assert repr(two) == "0 words"
    assert repr(one) == "2 words: good, film"
    assert Features.words(np.array(["good film", ""]))[0] == one
    assert one.keep(np.array([True, True])) == "good film"
    assert one.total(np.array([[1.0, 2.0]])).tolist() == [[1.0, 2.0]]


def test_a_segmenter_of_ones_own():
    features = Features.words("สวัสดีชาวโลก", segment=lambda text: ["สวัสดี", "ชาว", "โลก"])
    assert features.names == ("สวัสดี", "ชาว", "โลก")
    assert features.keep(np.array([True, False, True])) == "สวัสดีโลก"
    with pytest.raises(pl.InputError, match=r"segment= gave 'x', which is not in the text after character 1"):
        Features.words("ab", segment=lambda text: ["a", "x"])


def test_words_refuse_in_words():
    with pytest.raises(pl.InputError, match="a str or a list of str; got int"):
        Features.words(3)
    with pytest.raises(pl.InputError, match="a str or a list of str"):
        Features.words(["a", 3])
    features = Features.words("good film")
    for wrong in (np.ones(2), np.ones(3, bool), np.ones((1, 1, 2), bool)):
        with pytest.raises(pl.InputError, match="coalitions must be bool"):
            features.keep(wrong)
    with pytest.raises(pl.InputError, match="in order, and in the text"):
        Features(features.players, features.labels, text="good", spans=features.spans)
    with pytest.raises(pl.InputError, match="in order, and in the text"):
        Features(features.players, features.labels, text="good film", spans=features.spans[::-1])
    with pytest.raises(pl.InputError, match="a first and a last character"):
        Features(features.players, features.labels, text="good film")


class Tokenizer:
    all_special_ids = (101, 102, 0)

    def convert_ids_to_tokens(self, ids):
        return [f"t{number}" for number in ids]


def test_tokens():
    plain = Features.tokens([101, 5, 6, 102, 0])
    assert len(plain) == 5
    told = Features.tokens([101, 5, 6, 102, 0], special=[101, 102, 0])
    assert told.labels.tolist() == [-1, 0, 1, -1, -1]
    assert told.names == ("5", "6")
    named = Features.tokens(np.array([[101, 5, 5, 102], [101, 7, 102, 0]]), Tokenizer())
    assert [each.names for each in named] == [("t5", "t5"), ("t7",)]
    assert len(Features.tokens([0, 0], special=[0])) == 0
    assert len(Features.tokens([])) == 0
    with pytest.raises(pl.InputError, match="ids must be whole numbers"):
        Features.tokens([0.5])
    with pytest.raises(pl.InputError, match="ids must be whole numbers"):
        Features.tokens(["a"])
