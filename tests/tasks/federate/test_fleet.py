import numpy as np
import pytest

from tasks.errors import InputError
from tasks.federate.fleet import draw, read_kinds

KIND = """
{name}:
  share: {share}
  examples_per_second: [10.0, 20.0]
  memory_mb: [500.0, 500.0]
  up_mbps: [1.0, 2.0]
  down_mbps: [1.0, 2.0]
  availability: [0.9, 1.0]
  dropout: [0.0, 0.1]
"""


def two(first=0.25, second=0.75):
    return KIND.format(name="phone", share=first) + KIND.format(name="desk", share=second)


def test_devices_are_drawn_by_share_and_lie_in_their_ranges(tmp_path):
    path = tmp_path / "devices.yaml"
    path.write_text(two())
    fleet = draw(read_kinds(path), 2000, seed=3)
    phones = sum(one.kind == "phone" for one in fleet)
    # Binomial(2000, .25): five standard deviations are 97.
    assert abs(phones - 500) < 5 * np.sqrt(2000 * 0.25 * 0.75)
    assert all(10 <= one.examples_per_second <= 20 and one.memory_mb == 500 for one in fleet)
    assert draw(read_kinds(path), 2000, seed=3) == fleet
    assert draw(read_kinds(path), 3, seed=3) == fleet[:3]  # a client's does not depend on others
    assert draw(read_kinds(path), 3, seed=4) != fleet[:3]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (two(second=0.5), "shares add up to 0.75"),
        ("", "kinds of devices by name"),
        (KIND.format(name="a", share=1.0).replace("[10.0, 20.0]", "[20.0, 10.0]"), "lower end"),
        (KIND.format(name="a", share=1.0).replace("0.1]", "1.1]"), "a: dropout"),
        (KIND.format(name="a", share=1.0) + "  colour: red\n", "colour"),
    ],
)
def test_a_wrong_file_is_an_error_that_names_the_place(tmp_path, text, told):
    path = tmp_path / "devices.yaml"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        read_kinds(path)
    assert told.split(": ")[0] in str(caught.value)
    assert "devices.yaml" in str(caught.value)
