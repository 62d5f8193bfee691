"""How a model is to be built, where its files leave it open or say it otherwise."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.errors import BadInputError

__all__ = ["AS_IT_SAYS", "Options"]


@dataclass(frozen=True)
class Options:
    """What `models.load` was asked beyond the name; None leaves it to the files.

    Attributes:
        image_size: pixels of each side of the picture that the image tower reads.
        context_length: token positions of the text tower.
        language: the code that a tokeniser of many languages puts before a text ("fra_Latn").
        force_quick_gelu: QuickGELU as the activation of both towers, or never.
        quantize: "4bit" keeps the weights of a model that writes in 4 bits.
        spread: over all GPUs and the machine's memory, of a model that writes.
    """

    image_size: int | None = None
    context_length: int | None = None
    force_quick_gelu: bool | None = None
    language: str | None = None
    quantize: str | None = None
    spread: bool | None = None

    def __post_init__(self) -> None:
        for name in ("image_size", "context_length"):
            value = getattr(self, name)
            if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
                raise BadInputError(f"{name}={value!r} was given; expected a whole number above 0, or None.")
        if self.force_quick_gelu not in (None, True, False):
            raise BadInputError(
                f"force_quick_gelu={self.force_quick_gelu!r} was given; expected True or False."
            )

        if self.quantize not in (None, "4bit"):
            raise BadInputError(f"quantize={self.quantize!r} was given; expected '4bit', or None.")

    @property
    def asked(self) -> tuple[str, ...]:
        """The names of what was asked."""
        return tuple(name for name, value in vars(self).items() if value is not None)


AS_IT_SAYS = Options()
"""Nothing was asked: everything as the files say."""
