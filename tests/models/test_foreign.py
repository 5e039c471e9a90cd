"""torchaudio and transformers import together, in whatever order the program needs them."""

import subprocess
import sys
import textwrap

from models.foreign import torchaudio, transformers


def test_what_we_use_of_them_works():
    assert torchaudio.transforms.MelSpectrogram is not None
    assert transformers.BertModel is not None


def test_a_torchaudio_without_its_native_library_still_imports():
    # A new interpreter in which loading the library fails, as the CUDA wheel beside a CPU torch.
    program = """
        import torch

        def refuse(path):
            raise OSError(f"{path}: no native library")

        torch.ops.load_library = refuse
        from models.foreign import torchaudio

        wave = torch.ones(1600)
        assert torchaudio.transforms.Resample(8000, 16000)(wave).shape == (3200,)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
