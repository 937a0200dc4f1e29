"""Steering whatever a model does inside a `with` block: its own generate, a pipeline, a chat loop."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from torch import Tensor, nn

from ..errors import InputError
from ..extract.norms import fitting
from ..models.blocks import text_config
from ..models.loaded import LoadedModel, check_evaluating, loaded_model
from ..types import Recipe, Towards, VectorSet
from .directions import directions_of
from .doses import doses_of
from .grammar import has_amount, rows_of, unfit
from .injection import EVERYWHERE, PROMPT_POSITIONS, Offsets, Step, offsets, on_device, with_step
from .recipes import EMOVIZ
from .recipes import recipe as recipe_of


@contextmanager
def steering(
    model: LoadedModel,
    vectors: VectorSet | None,
    direction: Towards | Sequence[Towards],
    dose: float | Sequence[float] | None = None,
    *,
    recipe: Recipe | str = EMOVIZ,
    layers: str | int | Sequence[int] | None = None,
    scope: str | None = None,
    norm: str | None = None,
) -> Iterator[Recipe]:
    """Steers a model inside a `with` block: every forward pass adds the direction to the residual stream.

    The model's own `generate`, a pipeline and a chat loop are all steered. Afterwards, also after an exception, the
    model is as it was. Only threads that were started inside the block may use the model beside the one that opened it.

    vectors : a set of this very model; None for the one that it uses for these directions.
    direction : an emotion, a mixture, a control (`random`, `mean`), what `ez.direction` gives, or an intervention as
        text, such as `ablate afraid`; a sequence has one a row.
    dose : fraction of the typical residual norm at each layer, -1 to 1; a sequence has one a row of the batch; None
        where every direction is an intervention that needs no dose or names its own. A batch may have a multiple of
        these rows, as beams and several returned sequences make it: each is repeated in its place.
    recipe : a preset or what `ez.recipe` gives; layers, scope and norm change parts of it. Scopes `prompt` and
        `response` take a pass over several tokens, or over an empty cache, for the prompt; they need use_cache=True and
        padding on the left.
    Yields : the Recipe that is used.
    Raises : InputError for a model that is not wrapped, in training mode or steered already, a set of another model,
        and as `offsets`; inside the block for a batch of other rows, a foreign thread, and anything of emoviz that
        needs the unsteered model.
    Source : docs/methods.md; Jeong 2026 (arXiv 2604.04064) for the recipe `jeong2026a`.

    >>> import emoviz as ez
    >>> model = ez.load_model("SmolLM2-135M-Instruct")
    >>> vectors = ez.find_set("SmolLM2-135M-Instruct_emoviz_fp32")
    >>> inputs = model.tokenizer(["I opened the door and"] * 2, return_tensors="pt")
    >>> with ez.steering(model, vectors, "afraid", dose=[0.0, 0.06]):
    ...     ids = model.generate(**inputs, max_new_tokens=20, do_sample=False)
    >>> plain, steered = model.tokenizer.batch_decode(ids, skip_special_tokens=True)
    >>> plain == steered
    False
    """
    check_evaluating(loaded_model(model).model)
    vectors = fitting(vectors, model, unfit(directions_of(direction)))
    chosen = recipe_of(vectors, recipe, layers=layers, scope=scope, norm=norm)
    added = offsets(vectors, _rows(direction, dose, vectors.classes), chosen)
    with ExitStack() as undo:
        _claim(model, undo)
        _hook(model, added, undo)
        yield chosen


def _rows(
    direction: Towards | Sequence[Towards], dose: float | Sequence[float] | None, classes: tuple[str, ...]
) -> list[tuple[Towards, float]]:
    """A direction and a dose per row; what was given once goes to all rows."""
    directions = directions_of(direction)
    if dose is None:
        named = [row for one in directions for row in rows_of(one, (), classes)]
        if len(named) < len(directions):
            raise InputError("no dose was given. Give one, such as 0.04, or name it: add calm 0.04.")
        return named
    doses = doses_of(dose)
    own = next((one for one in directions if isinstance(one, str) and has_amount(one, classes)), None)
    if own is not None:
        raise InputError(f"{own!r} was given with dose {dose!r:.40}, and needs none. Leave the dose out.")
    rows = max(len(directions), len(doses))
    if not directions or not doses or not {len(directions), len(doses)} <= {1, rows}:
        raise InputError(
            f"{len(directions)} directions and {len(doses)} doses were given. Give one of each, or as many as the "
            "batch has rows."
        )
    return list(zip(directions * (rows // len(directions)), doses * (rows // len(doses)), strict=True))


def _claim(model: LoadedModel, undo: ExitStack) -> None:
    """Marks the model as steered, once no pass of emoviz is on its way through it."""
    use = model.use
    with use.lock:
        if use.steered:
            raise InputError(
                f"{model.name} is steered already. Leave that `with` block first; to steer towards several emotions, "
                "mix them: 0.7 calm + 0.3 grateful."
            )
        use.steered = True
    undo.callback(setattr, use, "steered", False)


def _hook(model: LoadedModel, added: Offsets, undo: ExitStack) -> None:
    current = _Pass(model, added)
    decoder = model.decoder
    undo.callback(decoder.register_forward_pre_hook(current.begin, prepend=True, with_kwargs=True).remove)
    for layer, step in on_device(added, model).items():
        undo.callback(model.blocks[layer].register_forward_hook(current.acting(step), prepend=True).remove)


class _Pass:
    """What the hooks of a pass need to know: which positions it steers, and which are padding."""

    def __init__(self, model: LoadedModel, added: Offsets) -> None:
        self.model, self.added = model, added
        self.caches_by_default = bool(getattr(text_config(model.model), "use_cache", True))
        self.parameters = inspect.signature(model.decoder.forward)
        self.others = set(threading.enumerate()) - {threading.current_thread()}
        # A thread that was started inside the block has passes of its own, at the same time.
        self.now = threading.local()

    def begin(self, _decoder: nn.Module, args: tuple[Any, ...], options: dict[str, Any]) -> None:
        """Before the first block: how the pass is steered."""
        if threading.current_thread() in self.others:
            raise InputError(
                f"{self.model.name} is steered by another thread, and this one would be steered with it. Wait until "
                "the `with steering(...)` block is left, or load the model a second time."
            )
        given = self.parameters.bind_partial(*args, **options).arguments
        tokens = given["input_ids"] if given.get("input_ids") is not None else given["inputs_embeds"]
        rows, length = tokens.shape[:2]
        if rows % self.added.rows:
            raise InputError(
                f"{self.added.rows} rows are steered and the batch has {rows}. Give one dose and direction, or one per "
                "row."
            )
        written = getattr(self.now, "written", 0)
        self.now.repeats, self.now.positions = rows // self.added.rows, EVERYWHERE
        self.now.attended, self.now.written = None, 0
        counted = self.added.scope != "all" or any(self.added.windows)
        if not counted and self.added.norm == "fixed":
            return
        cache = given.get("past_key_values")
        before = 0 if cache is None else int(cache.get_seq_length())
        self.now.attended = _attended(given.get("attention_mask"), before, length)
        if counted:
            caches = self.caches_by_default if given.get("use_cache") is None else given["use_cache"]
            self.now.written = written + 1 if before and length == 1 else 0
            self.now.positions = self._positions(before, length, cache is not None or caches)

    def _positions(self, before: int, length: int, cached: bool) -> slice | None:
        """Where the scope steers in this pass; None for nowhere."""
        scope, attended = self.added.scope, self.now.attended
        what = f"scope {scope!r}" if scope != "all" else "an intervention on some of the written tokens"
        if not cached:
            raise InputError(f"{what} needs a cache to tell the prompt from the response. Pass use_cache=True.")
        if before and length == 1:
            return None if scope == "prompt" else slice(None)
        if attended is not None and not bool(attended[:, -1].all()):
            raise InputError(f"{what} needs padding on the left. Set tokenizer.padding_side = 'left'.")
        return PROMPT_POSITIONS[scope]

    def acting(self, step: Step) -> Any:
        """The hook of one block."""

        def act(_block: nn.Module, _inputs: Any, output: Any) -> Any:
            now = self.now
            if now.positions is None and not self.added.others:
                return output
            rows = step.repeated(now.repeats)
            width = self.model.d_model
            return with_step(output, rows, self.added, width, now.positions, now.written, now.attended)

        return act


def _attended(mask: Any, before: int, length: int) -> Tensor | None:
    """(rows, length), true where a token of the pass is no padding; None where nothing is padded or nobody says.

    before : tokens that the cache holds already.
    """
    # Models with sliding windows get a mask per kind of layer.
    mask = mask.get("full_attention") if isinstance(mask, dict) else mask
    if not isinstance(mask, Tensor):
        return None
    if mask.ndim == 4:
        # What the last token sees; masks are true, or 0 instead of minus infinity, where it does.
        mask = mask[:, 0, -1] == 0 if mask.is_floating_point() else mask[:, 0, -1]
    mask = mask[:, before : before + length].bool()
    return None if bool(mask.all()) else mask
