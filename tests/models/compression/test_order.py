import itertools

import pytest

from models.compression.order import KINDS, OrderError, check_order


@pytest.mark.parametrize(
    "recipe",
    [
        "",
        "zstd",
        "onnx",
        "onnx ort_dynamic_int8",
        "layers vocabulary heads ffn low_rank distil onnx ort_int4 ort_dynamic_int8 zstd",
        "channels distil magnitude distil cluster zstd",  # Deep Compression's own order
        "student distil qat onnx ort_static_int8 zstd",
        "distil layers distil heads distil",
        "lottery wanda fp16 zstd",
        "qat torchao_int8",
        "image_size layers onnx openvino_bf16",
    ],
)
def test_sensible_recipes_pass(recipe):
    check_order(recipe.split())


@pytest.mark.parametrize(
    ("recipe", "reason"),
    [
        ("prune", "technique 'prune': allowed are bf16, channels"),
        ("layers student", "student after layers: it starts from new weights"),
        ("ort_int4", "ort_int4 without onnx before it"),
        ("openvino_int8 onnx", "openvino_int8 without onnx before it"),
        ("magnitude heads", "heads after magnitude: .* put heads before magnitude"),
        ("cluster vocabulary", "vocabulary after cluster: "),
        ("onnx vocabulary", "vocabulary after onnx: .* not a graph"),
        ("onnx ort_fp16 distil", "distil after onnx"),
        ("onnx magnitude", "magnitude after onnx"),
        ("onnx fp16", "fp16 after onnx"),
        ("fp16 onnx", "onnx after fp16: .* no ONNX operators"),
        ("torchao_int8 distil", "distil after torchao_int8: .* not a quantised module"),
        ("fp16 torchao_int8", "quantise twice"),
        ("onnx ort_dynamic_int8 ort_int4", "quantise twice"),
        ("onnx ort_static_int8 openvino_int8", "quantise twice"),
        ("onnx openvino_int8 openvino_int8", "quantise twice"),
        ("cluster distil", "distil after cluster: .* put cluster after distil"),
        ("cluster taylor", "taylor after cluster"),
        ("magnitude lottery", "lottery after magnitude: it goes back"),
        ("low_rank ffn", "ffn after low_rank"),
        ("low_rank low_rank", "once"),
        ("onnx onnx", "once"),
        ("qat distil", "distil after qat"),
        ("qat wanda", "wanda after qat"),
        ("qat onnx ort_int4", "trained for int8"),
        ("zstd zstd", "put zstd last"),
        ("zstd onnx", "put zstd last"),
    ],
)
def test_illegal_recipes_are_refused_with_the_reason(recipe, reason):
    with pytest.raises(OrderError, match=reason):
        check_order(recipe.split())


def test_whatever_is_legal_stays_legal_without_its_end():
    for recipe in itertools.product(KINDS, repeat=2):
        try:
            check_order(recipe)
        except OrderError:
            continue
        check_order(recipe[:1])


def test_every_technique_is_legal_somewhere():
    for name in KINDS:
        before = ["onnx"] if name.startswith(("ort_", "openvino_")) else []
        check_order([*before, name])
