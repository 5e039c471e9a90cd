import pytest

from provenance.errors import BadPathError
from provenance.paths import check_path


@pytest.mark.parametrize("path", ["a", "data/x.csv", "a b/ü.png", "..a/b..", "C:/x", "-/...", "😀"])
def test_paths_that_are_fine(path: str) -> None:
    assert check_path(path) == path


@pytest.mark.parametrize(
    ("path", "rule"),
    [
        ("../x", "'..' component"),
        ("a/../../x", "'..' component"),
        ("/etc/x", "is absolute"),
        ("a//b", "has an empty"),
        ("", "has an empty"),
        ("a/", "has an empty"),
        (".", "'.' or"),
        ("./a", "'.' or"),
        ("a\0b", "control character"),
        ("a\nb", "control character"),
        ("a\\b", "backslash"),
        ("..\\x", "backslash"),
        ("/".join("a" * 300), "has 300 components, at most 128"),
        ("a" * 256, "component of more than 255 bytes"),
        ("ü" * 128, "component of more than 255 bytes"),
        ("/".join(["a" * 200] * 30), "is 6029 bytes long, at most 4096"),
        ("a\ud800", "is not valid Unicode"),
    ],
)
def test_paths_that_leave_or_do_not_travel(path: str, rule: str) -> None:
    with pytest.raises(BadPathError, match=rule.replace(".", r"\.")):
        check_path(path)


def test_a_path_is_a_string() -> None:
    with pytest.raises(BadPathError, match="path 7 is a int, a string is needed"):
        check_path(7)
