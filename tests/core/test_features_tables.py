"""Frames and matrices: dtypes there and back, levels, missing values, one-hot groups, usual rows."""

import numpy as np
import pandas as pd
import pytest

import pellucid as pl
from pellucid.core.features import Features


def frame():
    return pd.DataFrame(
        {
            "int8": np.array([1, 2, 3, -4], "int8"),
            "uint64": np.array([1, 2, 3, 2**53], "uint64"),
            "float16": np.array([0.1, 0.2, 0.3, 0.4], "float16"),
            "float32": np.array([0.1, 0.2, 0.3, 0.4], "float32"),
            "nan": [0.5, np.nan, 1.5, 2.5],
            "Int64": pd.array([1, 2, None, 4], "Int64"),
            "Float32": pd.array([1.5, None, 2, 3], "Float32"),
            "bool": [True, False, True, True],
            "boolean": pd.array([True, None, False, True], "boolean"),
            "category": pd.Categorical(["a", "b", "a", None], categories=["z", "a", "b"]),
            "numbers": pd.Categorical([3, 1, 2, 3], categories=np.array([3, 1, 2], "int64")),
            "ordered": pd.Categorical(["low", "high", "low", "mid"], categories=["low", "mid", "high"], ordered=True),
            "str": ["x", "y", "x", "x"],
            "holes": ["x", None, "y", "x"],
            "object": pd.Series(["x", None, "y", "x"], dtype=object),
            "object nan": pd.Series(["x", np.nan, "y", "x"], dtype=object),
            "python": pd.array(["q", None, "r", "q"], pd.StringDtype("python")),
            "time": pd.to_datetime(["2020-01-01 00:00", "2021-06-01 12:00", None, "1950-01-01 00:00"]),
            "zone": pd.date_range("2020-03-28", periods=4, tz="Europe/Berlin"),
            "ns": pd.date_range("2020-03-28", periods=4, unit="ns"),
            "delta": pd.to_timedelta([1, 2, 3, 4], unit="s"),
            7: [1.0, 2.0, 3.0, 4.0],
        }
    )


MISSING = ["nan", "Int64", "Float32", "time"]


def test_every_dtype_comes_back_as_it_was():
    given = frame()
    features = Features.from_frame(given, missing=MISSING)
    matrix = features.encode(given)
    assert matrix.dtype == np.float64
    back = features.decode(matrix)
    pd.testing.assert_frame_equal(back, given, check_column_type=False)
    assert back["object"][1] is None
    assert isinstance(back["object nan"][1], float)
    np.testing.assert_array_equal(features.encode(back), matrix)
    pd.testing.assert_frame_equal(
        features.decode(features.encode(given[::-1])), given[::-1].reset_index(drop=True), check_column_type=False
    )


def test_the_kinds_of_dtypes_and_the_codes():
    features = Features.from_frame(frame(), missing=MISSING)
    kinds = dict(zip(features.names, features.kinds, strict=True))
    assert {name for name, kind in kinds.items() if kind == "binary"} == {"bool", "boolean"}
    assert {name for name, kind in kinds.items() if kind == "ordinal"} == {"ordered"}
    nominal = {"category", "numbers", "str", "holes", "object", "object nan", "python"}
    assert {name for name, kind in kinds.items() if kind == "nominal"} == nominal
    by_name = dict(zip(features.names, features.players, strict=True))
    assert by_name["category"].levels == ("z", "a", "b")
    assert by_name["category"].missing
    assert not by_name["numbers"].missing
    matrix = features.encode(frame())
    at = features.names.index
    assert matrix[:, at("category")].tolist() == [1, 2, 1, 3]
    assert matrix[:, at("ordered")].tolist() == [0, 2, 0, 1]
    assert matrix[:, at("boolean")].tolist() == [1, 2, 0, 1]
    assert matrix[:, at("bool")].tolist() == [1, 0, 1, 1]
    assert np.isnan(matrix[2, at("Int64")])


def test_columns_may_stand_in_another_order():
    given = frame()
    features = Features.from_frame(given, missing=MISSING)
    np.testing.assert_array_equal(features.encode(given[list(given.columns)[::-1]]), features.encode(given))


def test_object_columns_of_pandas_strings():
    """Object columns of old pandas: levels of one type."""
    given = pd.DataFrame({"o": pd.Series([True, False, True], dtype=object)})
    features = Features.from_frame(given)
    pd.testing.assert_frame_equal(features.decode(features.encode(given)), given, check_column_type=False)
    with pytest.raises(pl.InputError, match="mixes values of types int, str"):
        Features.from_frame(pd.DataFrame({"o": pd.Series([1, "a"], dtype=object)}))


def test_unseen_levels_name_column_row_level_and_the_nearest():
    features = Features.from_frame(pd.DataFrame({"town": ["Bonn", "Ulm"], "x": [1.0, 2.0]}))
    with pytest.raises(pl.InputError, match=r"'town' has 'Bon' in row 1, .*Did you mean 'Bonn'\? Known: 'Bonn', 'Ulm'\."):
        features.encode(pd.DataFrame({"town": ["Ulm", "Bon"], "x": [1.0, 2.0]}))
    with pytest.raises(pl.InputError, match="missing value in row 0, but none was declared"):
        features.encode(pd.DataFrame({"town": [None, "Bonn"], "x": [1.0, 2.0]}))
    with pytest.raises(pl.InputError, match="'x' is infinite in row 1"):
        features.encode(pd.DataFrame({"town": ["Ulm", "Bonn"], "x": [1.0, np.inf]}))
    with pytest.raises(pl.InputError, match="'x' should hold numbers"):
        features.encode(pd.DataFrame({"town": ["Ulm", "Bonn"], "x": ["1", "2"]}))
    with pytest.raises(pl.InputError, match=r"no column 'town'\. Did you mean 'Town'"):
        features.encode(pd.DataFrame({"Town": ["Ulm"], "x": [1.0]}))
    with pytest.raises(pl.InputError, match="a column 'y' that is not among"):
        features.encode(pd.DataFrame({"town": ["Ulm"], "x": [1.0], "y": [1]}))
    known = Features.from_frame(pd.DataFrame({"town": ["Bonn"]}), levels={"town": ["Ulm", "Bonn", "Bon"]}, missing=True)
    assert known.encode(pd.DataFrame({"town": ["Bon", None, "Ulm"]}))[:, 0].tolist() == [2, 3, 0]


def test_an_unused_category_is_no_unseen_level():
    features = Features.from_frame(pd.DataFrame({"c": pd.Categorical(["a", "b"])}))
    wider = pd.DataFrame({"c": pd.Categorical(["b", "a"], categories=["x", "b", "a"])})
    assert features.encode(wider)[:, 0].tolist() == [1, 0]
    assert features.encode(pd.DataFrame({"c": ["b", "a"]}))[:, 0].tolist() == [1, 0]


def test_nan_in_numbers_must_be_declared():
    given = pd.DataFrame({"a": [1.0, np.nan], "b": [1.0, 2.0]})
    with pytest.raises(pl.InputError, match=r"'a' \(float64\) has a missing value in row 1; .* missing=\['a'\]"):
        Features.from_frame(given)
    assert np.isnan(Features.from_frame(given, missing=["a"]).encode(given)[1, 0])
    assert np.isnan(Features.from_frame(given, missing=True).encode(given)[1, 0])
    with pytest.raises(pl.InputError, match="missing= names 'c'"):
        Features.from_frame(given, missing=["c"])


def _hair(rows=4):
    flags = np.eye(3, dtype=int)[np.arange(rows) % 3]
    return pd.DataFrame(
        {
            "hair_red": flags[:, 0],
            "age": np.arange(rows) + 0.5,
            "hair_dark": flags[:, 1] == 1,
            "hair_very_fair": flags[:, 2] * 1.0,
        }
    )


def test_one_hot_groups_are_one_player():
    features = Features.from_frame(_hair())
    assert features.names == ("hair", "age")
    assert features.labels.tolist() == [0, 1, 0, 0]
    assert features.players[0].levels == ("hair_red", "hair_dark", "hair_very_fair")
    pd.testing.assert_frame_equal(features.decode(features.encode(_hair())), _hair(), check_column_type=False)
    wrong = _hair().assign(hair_red=1)
    with pytest.raises(pl.InputError, match=r"one-hot group 'hair' is \[1.0, 1.0, 0.0\] in row 1; exactly one entry must be 1"):
        features.encode(wrong)
    assert len(Features.from_frame(_hair(), one_hot=False)) == 4


def test_what_is_no_one_hot_group():
    assert len(Features.from_frame(_hair(1))) == 4  # one row shows nothing
    free = pd.DataFrame({"has_dog": [1, 0, 1], "has_cat": [0, 1, 1]})
    assert len(Features.from_frame(free)) == 2
    two = pd.get_dummies(pd.DataFrame({"c_a": ["x", "y", "x"], "c_b": ["u", "u", "v"]}))
    assert Features.from_frame(two).names == ("c_a", "c_b")
    kept = Features.from_frame(_hair(), kinds={"hair_red": "nominal"})
    assert "hair" not in kept.names


def test_stated_one_hot_groups_may_drop_a_level():
    dropped = _hair().drop(columns="hair_red")
    assert len(Features.from_frame(dropped)) == 3
    features = Features.from_frame(dropped, one_hot={"hair": ["hair_dark", "hair_very_fair"]})
    assert features.players[features.names.index("hair")].missing
    rows = pd.concat([dropped.iloc[[0]]] * 5 + [dropped])
    assert features.baseline(rows)[features.labels == features.names.index("hair")].tolist() == [0, 0]
    assert features.given(features.encode(dropped))[0][features.names.index("hair")] is None


def test_groups_of_columns():
    given = pd.DataFrame({"lat": [1.0, 2.0], "lon": [3.0, 4.0], "town": ["a", "b"], "age": [1, 2]})
    features = Features.from_frame(given, groups={"place": ["lat", "lon"], "rest": ["town", "age"]})
    assert features.names == ("place", "rest")
    assert features.kinds == ("continuous", "group")
    assert features.given(features.encode(given)) == [((1.0, 3.0), ("a", 1)), ((2.0, 4.0), ("b", 2))]
    assert features.decode(features.baseline(given)[None]).town[0] == "a"


def test_kinds_that_are_stated():
    given = pd.DataFrame({"code": [30, 10, 20], "size": ["S", "L", "M"], "n": [3, 1, 2]})
    features = Features.from_frame(
        given, kinds={"code": "nominal", "size": "ordinal", "n": "ordinal"}, levels={"size": ["S", "M", "L"]}
    )
    assert features.kinds == ("nominal", "ordinal", "ordinal")
    assert features.encode(given).tolist() == [[2, 0, 3], [0, 2, 1], [1, 1, 2]]
    pd.testing.assert_frame_equal(features.decode(features.encode(given)), given, check_column_type=False)
    assert features.baseline(given).tolist() == [0, 1, 2]
    for column, kinds, words in (
        ("size", {"size": "ordinal"}, "order of 'size' is not known"),
        ("size", {"size": "continuous"}, "cannot be 'continuous'"),
        ("size", {"size": "one-hot"}, "alone is no one-hot group"),
        ("code", {"code": "binary"}, "to be binary, but has 3 levels"),
        ("size", {"siez": "nominal"}, "kinds= names 'siez', which is not there. Did you mean 'size'"),
        ("code", {"code": "nomnal"}, "Did you mean 'nominal'"),
    ):
        with pytest.raises(pl.InputError, match=words):
            Features.from_frame(given[[column]], kinds=kinds)


def test_numbers_that_are_only_0_and_1_are_binary_where_there_are_enough():
    flags = pd.DataFrame({"flag": [0, 1] * 10, "dose": [0.0, 1.0] * 9 + [0.0, 0.5]})
    assert Features.from_frame(flags).kinds == ("binary", "continuous")
    assert Features.from_frame(flags[:10]).kinds == ("continuous", "continuous")
    assert Features.from_frame(flags, kinds={"flag": "continuous"}).kinds == ("continuous", "continuous")
    np.testing.assert_array_equal(Features.from_frame(flags).encode(flags), flags.to_numpy(float))


REFUSED = {
    "no frame": (lambda: Features.from_frame(np.ones((2, 2))), "takes a pandas DataFrame; got ndarray"),
    "no rows": (lambda: Features.from_frame(pd.DataFrame({"a": []})), "0 rows and 1 columns"),
    "no columns": (lambda: Features.from_frame(pd.DataFrame(index=[0])), "1 rows and 0 columns"),
    "two columns of a name": (
        lambda: Features.from_frame(pd.DataFrame([[1, 2]], columns=["a", "a"])),
        "two columns are called 'a'",
    ),
    "names of levels": (
        lambda: Features.from_frame(pd.DataFrame([[1]], columns=pd.MultiIndex.from_tuples([("a", "b")]))),
        "MultiIndex",
    ),
    "complex": (lambda: Features.from_frame(pd.DataFrame({"a": [1j]})), "dtype complex128, which cannot be kept"),
    "period": (lambda: Features.from_frame(pd.DataFrame({"a": pd.period_range("2020", periods=2, freq="Y")})), "cannot be kept"),
    "sparse": (lambda: Features.from_frame(pd.DataFrame({"a": pd.arrays.SparseArray([0, 1])})), "cannot be kept"),
    "arrow": (lambda: Features.from_frame(pd.DataFrame({"a": pd.array([1, 2], "int64[pyarrow]")})), "cannot be kept"),
    "intervals": (
        lambda: Features.from_frame(pd.DataFrame({"a": pd.cut(pd.Series([1, 2, 3]), 2)})),
        "a level of 'a' must be a str",
    ),
    "lists": (lambda: Features.from_frame(pd.DataFrame({"a": [[1], [2]]})), "holds what cannot be a level"),
    "huge ints": (lambda: (f := pd.DataFrame({"a": [2**60, 1]}), Features.from_frame(f).encode(f)), r"beyond 2\*\*53"),
    "fine times": (
        lambda: (f := pd.DataFrame({"a": pd.to_datetime([1600000000000000001], unit="ns")}), Features.from_frame(f).encode(f)),
        "too fine for float64",
    ),
    "groups overlap": (
        lambda: Features.from_frame(pd.DataFrame({"a": [1], "b": [2]}), groups={"g": ["a", "b"], "h": ["b"]}),
        "column 'b' is in 'g' and in 'h'",
    ),
    "a group without columns": (lambda: Features.from_frame(pd.DataFrame({"a": [1]}), groups={"g": []}), "'g' has no columns"),
    "a group of what is not there": (
        lambda: Features.from_frame(pd.DataFrame({"a": [1]}), groups={"g": ["b"]}),
        "names 'b', which is not",
    ),
    "a group called like a column": (
        lambda: Features.from_frame(pd.DataFrame({"a": [1], "b": [2], "c": [3]}), groups={"c": ["a", "b"]}),
        "two features are called 'c'",
    ),
    "a group that is a str": (lambda: Features.from_frame(pd.DataFrame({"a": [1]}), groups={"g": "a"}), "must be a list"),
    "a one-hot group of numbers": (
        lambda: (f := pd.DataFrame({"a": [2, 1], "b": [0, 1]}), Features.from_frame(f, one_hot={"g": ["a", "b"]}).encode(f)),
        "exactly one entry must be 1",
    ),
    "levels of a categorical": (
        lambda: Features.from_frame(pd.DataFrame({"a": pd.Categorical(["x"])}), levels={"a": ["x", "y"]}),
        "its categories are its levels",
    ),
    "levels that lack one": (
        lambda: Features.from_frame(pd.DataFrame({"a": ["x", "y"]}), levels={"a": ["x"]}),
        "has 'y' in row 1",
    ),
    "arrays without names": (lambda: Features.from_arrays([]), "names= is empty"),
    "arrays with one name twice": (lambda: Features.from_arrays(["a", "a"]), "two features are called 'a'"),
    "arrays with names as a str": (lambda: Features.from_arrays("ab"), "must be a list"),
    "kinds too few": (lambda: Features.from_arrays(["a", "b"], ["nominal"]), "2 names and 1 kinds"),
    "kinds unknown": (lambda: Features.from_arrays(["a"], ["region"]), "'a' cannot be of kind 'region'"),
    "kinds of nobody": (lambda: Features.from_arrays(["a"], {"b": "nominal"}), "kinds= names 'b'"),
    "continuous with levels": (lambda: Features.from_arrays(["a"], ["continuous"], {"a": ["x"]}), "so it cannot be continuous"),
    "binary of three": (lambda: Features.from_arrays(["a"], ["binary"], {"a": ["x", "y", "z"]}), "has 3 levels"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_in_words(case):
    make, words = REFUSED[case]
    with pytest.raises(pl.InputError, match=words):
        make()


def test_matrices():
    features = Features.from_arrays(
        ["age", "town", "u", "v", "flag"],
        {"flag": "binary"},
        {"town": ["Bonn", "Ulm"]},
        missing=["age", "town"],
        one_hot={"hot": ["u", "v"]},
    )
    assert features.names == ("age", "town", "hot", "flag")
    rows = np.array([[30.0, 1, 1, 0, 1], [np.nan, np.nan, 0, 1, 0], [40, 1, 0, 1, 1]])
    matrix = features.encode(rows)
    assert matrix[1, 1] == 2
    assert features.given(matrix) == [(30.0, "Ulm", "u", 1), (None, None, "v", 0), (40.0, "Ulm", "v", 1)]
    assert features.baseline(rows).tolist() == [35, 1, 0, 1, 1]
    np.testing.assert_array_equal(features.decode(matrix), matrix)
    assert np.isnan(rows[1, 1])  # the user's rows are not written to
    for column, value, words in (
        (1, 3, "'town' is nominal and has 3 in row 0; its codes are 0 to 2"),
        (1, 0.5, "'town' is nominal and has 0.5"),
        (1, -1, "'town' is nominal and has -1"),
        (4, np.nan, "'flag' is NaN in row 0"),
        (2, 0, "one-hot group 'hot'"),
    ):
        wrong = rows.copy()
        wrong[0, column] = value
        with pytest.raises(pl.InputError, match=words):
            features.encode(wrong)
    with pytest.raises(pl.InputError, match=r"expected \(samples, 5\)"):
        features.encode(rows[:, :4])
    with pytest.raises(pl.InputError, match="does not hold numbers"):
        features.encode(np.array([["a"] * 5]))
    with pytest.raises(pl.InputError, match="describe a matrix"):
        features.encode(pd.DataFrame(rows))
    with pytest.raises(pl.InputError, match="its codes are whole numbers from 0"):
        Features.from_arrays(["a"], ["nominal"]).encode([[0.5]])


def test_usual_rows_are_real():
    given = pd.concat([frame()] * 3, ignore_index=True)
    features = Features.from_frame(given, missing=MISSING)
    row = features.baseline(given)
    real = features.decode(row[None])
    np.testing.assert_array_equal(features.encode(real)[0], row)
    assert real["int8"][0] == 0  # the mean of whole numbers, rounded
    assert real["category"][0] == "a"
    assert real["ordered"][0] == "low"
    assert real["nan"][0] == pytest.approx(1.5)
    assert real["time"][0].year == 1997
    np.testing.assert_array_equal(features.baseline(features.decode(features.encode(given))), row)
    empty = pd.DataFrame({"a": [np.nan, np.nan], "b": [None, "x"]})
    odd = Features.from_frame(empty, missing=True)
    assert np.isnan(odd.baseline(empty)[0])
    with pytest.raises(pl.InputError, match="at least one row"):
        Features.from_arrays(["a"]).baseline(np.empty((0, 1)))


def test_the_median_of_levels_passes_over_missing_ones():
    sizes = pd.Categorical([None, None, "L", "S", "M", None, None], categories=["S", "M", "L"], ordered=True)
    given = pd.DataFrame({"size": sizes})
    assert Features.from_frame(given).baseline(given).tolist() == [1]


def test_constant_duplicated_and_single_columns():
    given = pd.DataFrame({"constant": [2.0, 2.0], "a": [1.0, 3.0], "b": [1.0, 3.0], "only": ["x", "x"]})
    features = Features.from_frame(given)
    assert len(features) == 4
    assert features.baseline(given).tolist() == [2, 2, 2, 0]
    single = Features.from_frame(given[["a"]])
    assert single.mask(np.array([[False]])).tolist() == [[False]]


def test_what_cannot_be_decoded():
    features = Features.from_frame(pd.DataFrame({"c": ["x", "y"], "i": np.array([1, 2], "uint8")}))
    assert features.decode([[0, 2.6], [1, 999.0]]).i.tolist() == [3, 255]
    with pytest.raises(pl.InputError, match="2 is no code of column 'c', which has 2 of them"):
        features.decode([[2, 1.0]])
    with pytest.raises(pl.InputError, match="nan is no code"):
        features.decode([[np.nan, 1.0]])
    with pytest.raises(pl.InputError, match="'i' has a missing value in row 0"):
        features.decode([[1, np.nan]])
    with pytest.raises(pl.InputError, match=r"expected \(samples, 2\)"):
        features.decode([[1]])


def test_relabelled_codes_mean_the_same():
    given = pd.DataFrame({"c": ["x", "y", "z", "x"]})
    one = Features.from_frame(given)
    other = Features.from_frame(given, levels={"c": ["z", "x", "y"]})
    pd.testing.assert_frame_equal(one.decode(one.encode(given)), other.decode(other.encode(given)))
    assert one.given(one.encode(given)) == other.given(other.encode(given))
