"""Loading a model by name, id, folder or file."""

from __future__ import annotations

import logging
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer
from transformers import logging as transformers_logging

from ..errors import InputError
from .blocks import find_blocks, precision_of, text_config
from .convert import log_progress
from .hub import hub_answers, not_here
from .identity import placed, weights_of
from .loaded import LoadedModel
from .memory import check_claim, check_memory, count_parameters
from .narrow import make_narrow
from .registry import DEVICES, PRECISIONS, ModelSource, resolve
from .selftest import self_test
from .weights import weight_options, why_not_loaded

# bf16 on CUDA, where it is several times faster and its geometry is that of fp32 (docs/methods.md); elsewhere the
# type that nothing overflows or rounds in.
DEFAULT_PRECISION = {"cuda": "bf16", "mps": "fp32", "cpu": "fp32"}
_DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def load_model(
    model: str,
    *,
    precision: str = "auto",
    device: str = "auto",
    layer_path: str | None = None,
    progress: Callable[[str, int, int], None] = log_progress,
) -> LoadedModel:
    """Loads a causal language model and tests whether it can be read and steered.

    model : a short name of `emoviz models`, a folder, a .gguf file, which is converted once, or a hub id: `owner/name`,
        at a branch, tag or commit `owner/name@revision`, one GGUF file of it `owner/name:file.gguf`.
    precision : fp32, bf16, fp16, int8, or `auto`: bf16 on CUDA, else fp32. device : auto, cpu, cuda or mps.
    layer_path : the module list that holds the blocks, where it is not found by itself.
    progress : called with a stage, its number, and how many there are.
    Returns : LoadedModel.
    Raises  : InputError for an unknown model, precision or device, a model that cannot be found or read or does not fit
        into memory, and one whose blocks cannot be read and steered.

    >>> import emoviz as ez
    >>> ez.load_model("SmolLM2-135M-Instruct", device="cpu")
    LoadedModel('SmolLM2-135M-Instruct': LlamaForCausalLM, 30 layers x 576, fp32 on cpu, tested)
    """
    place = pick_device(device)
    precision = pick_precision(precision, place)
    source = resolve(model)
    transformers_logging.disable_progress_bar()
    origin, folder, commit = placed(source, progress)
    check_memory(source, folder, precision, place)
    # Never asked for at a prompt, never run: code that comes with a model.
    options: dict[str, Any] = {"trust_remote_code": False}
    if origin != str(folder):
        # A branch may move on while its files are fetched: all are of one commit.
        options |= {"revision": commit, "local_files_only": not hub_answers()}
    try:
        config = AutoConfig.from_pretrained(origin, **options)
        numbers = count_parameters(folder)
        if numbers is not None:
            check_claim(config, numbers)
        tokenizer = AutoTokenizer.from_pretrained(origin, **options)
        # A pair, which the library's own annotation does not know.
        found: Any = AutoModelForCausalLM.from_pretrained(
            origin,
            config=config,
            output_loading_info=True,
            **options | weight_options(),
            **_options(precision, place, device),
        )
        loaded, report = found
    except torch.OutOfMemoryError as error:
        raise InputError(
            f"{source.name} does not fit into the memory of {place} in {precision}. Try --precision int8, or "
            "--device cpu."
        ) from error
    # What a stranger's configuration makes transformers raise is anything at all (ZeroDivisionError was seen).
    except Exception as error:
        raise _not_loadable(source, error) from error
    if report["missing_keys"]:
        missing = sorted(report["missing_keys"])
        raise InputError(
            f"{source.location} lacks {len(missing)} of the weights that its configuration asks for ({missing[0]}, "
            "...), which would be random. Fetch it again."
        )
    loaded.eval()
    if place == "cpu" and precision == "fp32":
        make_narrow(loaded)
    blocks = find_blocks(loaded, layer_path)
    text = text_config(loaded)
    revision, weights = weights_of(source, folder, commit)
    # A folder that is quantized already stays so, whatever was asked for.
    computes = precision_of(loaded)
    return LoadedModel(
        name=source.name,
        origin=source.origin,
        revision=revision,
        architecture=type(loaded).__name__,
        weights=f"{weights}, int8 by bitsandbytes" if precision == "int8" else weights,
        precision=computes,
        model=loaded,
        tokenizer=tokenizer,
        blocks=blocks,
        instruct=source.entry.variant == "instruct" if source.entry else tokenizer.chat_template is not None,
        support=self_test(loaded, blocks, text.hidden_size, text.vocab_size, computes, (revision, layer_path)),
        asked=source.hub.revision if source.hub is not None else "",
        commit=commit,
    )


def quick_precision() -> str:
    """bf16 where the processor computes in it, which writes texts in six tenths of the time of fp32; else `auto`."""
    # No public name says so; a torch without this one is taken for a processor without bf16.
    native = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    return "bf16" if pick_device("auto") == "cpu" and native() else "auto"


def pick_precision(precision: str, place: str) -> str:
    """`auto` is the device's default. Raises InputError for an unknown precision, or int8 without bitsandbytes."""
    if precision == "auto":
        return DEFAULT_PRECISION[place]
    if precision not in PRECISIONS:
        raise InputError(f"precision {precision!r} is unknown; auto, {', '.join(PRECISIONS)} are allowed.")
    if precision == "int8":
        try:
            version("bitsandbytes")
        except PackageNotFoundError:
            raise InputError(
                "int8 needs bitsandbytes, which is not installed. Run pip install bitsandbytes; fp32, bf16 and fp16 "
                "work without it."
            ) from None
    return precision


def _options(precision: str, place: str, asked: str) -> dict[str, Any]:
    """What from_pretrained is told about type and place; several GPUs share a model where the device was left open."""
    many = asked == "auto" and place == "cuda" and torch.cuda.device_count() > 1
    device_map = "auto" if many else {"": place}
    if precision != "int8":
        return {"dtype": _DTYPES[precision], "device_map": device_map}
    from transformers import BitsAndBytesConfig

    # Said at every layer of every pass otherwise.
    logging.getLogger("bitsandbytes.autograd._functions").setLevel(logging.ERROR)
    return {
        "dtype": torch.float16 if place == "cuda" else torch.float32,
        "device_map": device_map,
        "quantization_config": BitsAndBytesConfig(load_in_8bit=True),
    }


def moved_to_gpu(loaded: LoadedModel) -> LoadedModel:
    """The same model, with its weights on CUDA where there is one. For a process that was forked."""
    # The threads of the process that it was forked from are not there, and would be waited for for ever.
    torch.set_num_threads(1)
    if torch.cuda.is_available():
        loaded.model.to("cuda")
    return loaded


def pick_device(device: str) -> str:
    """`auto` takes CUDA, then MPS, then the CPU. Raises InputError for an unknown or absent device."""
    present = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if device == "auto":
        return next(name for name in ("cuda", "mps", "cpu") if present[name])
    if device not in present:
        raise InputError(f"device {device!r} is unknown; {', '.join(DEVICES)} are allowed.")
    if not present[device]:
        raise InputError(f"this machine has no device {device!r}. Use --device auto or cpu.")
    return device


def _not_loadable(source: ModelSource, error: Exception) -> InputError:
    if source.hub is not None:
        return not_here(source.hub, error)
    return InputError(
        f"{source.location} could not be loaded ({why_not_loaded(error)}). Give the folder of a causal language model."
    )
