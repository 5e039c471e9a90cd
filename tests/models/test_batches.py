import dataclasses

import pytest
import torch

from models.batches import SUBSETS, VIEWS, language_batches


def test_a_batch_marks_what_is_absent_and_fills_it_with_zeros(examples):
    batch = examples.batch(torch.tensor([0, 1, 2]))
    assert batch.present.tolist() == [
        [False, True, True, True],
        [True, True, False, True],
        [True, True, True, True],
    ]
    assert not batch.inputs["image"][0].any()
    torch.testing.assert_close(batch.inputs["image"][2], examples.contents["image"][2])
    assert examples.contents["image"][0].any()  # the data set itself stays as it was


def test_a_subset_hides_all_views_of_the_other_modalities(examples):
    batch = examples.batch(torch.tensor([2]))
    assert batch.only("text").present.tolist() == [[False, True, True, False]]
    assert batch.only("image", "audio").present.tolist() == [[True, False, False, True]]
    assert len(SUBSETS) == len(set(SUBSETS)) == 7


def test_every_row_comes_once_and_batches_keep_to_one_language(examples):
    rows = torch.arange(2, 40)
    generator = torch.Generator().manual_seed(0)
    batches = list(language_batches(examples, rows, size=7, generator=generator))
    assert sorted(torch.cat(batches).tolist()) == rows.tolist()
    assert all(len(examples.language[batch].unique()) == 1 for batch in batches)
    assert max(map(len, batches)) <= 7
    again = language_batches(examples, rows, size=7, generator=torch.Generator().manual_seed(0))
    assert [batch.tolist() for batch in batches] == [batch.tolist() for batch in again]


def test_columns_that_do_not_fit_are_refused(examples):
    with pytest.raises(ValueError, match="columns differ in length"):
        dataclasses.replace(examples, label=examples.label[:-1])
    with pytest.raises(ValueError, match=r"views are .*: exactly .* are needed"):
        dataclasses.replace(examples, place={"image": examples.place["image"]})


def test_order_of_views_is_that_of_present(examples):
    assert VIEWS == ("image", "caption", "text", "audio")
