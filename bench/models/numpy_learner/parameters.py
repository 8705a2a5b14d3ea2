"""Named parameters in one flat vector, so that an optimiser or a norm works on a single array."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

from tasks.contract import Array

if TYPE_CHECKING:  # a type alone must not load numpy: `bench list` starts without it
    from numpy.typing import DTypeLike


class Parameters(Mapping[str, Array]):
    """Arrays by name, each a view into `flat` `(size,)`.

    Adam and clipping need a dozen array operations in all, instead of a dozen for each parameter. Write into the
    arrays in place (`parameters[name][...] = value`); they are never replaced.
    """

    def __init__(self, shapes: Mapping[str, tuple[int, ...]], dtype: DTypeLike) -> None:
        sizes = [int(np.prod(shape)) for shape in shapes.values()]
        ends = np.cumsum([0, *sizes])
        self.flat: Array = np.zeros(ends[-1], dtype=dtype)
        self._views = {
            name: self.flat[start : start + size].reshape(shape)
            for (name, shape), start, size in zip(shapes.items(), ends, sizes, strict=False)
        }

    @classmethod
    def of(cls, values: Mapping[str, Array], dtype: DTypeLike) -> Parameters:
        """Copy `values`, cast to `dtype`."""
        parameters = cls({name: np.shape(value) for name, value in values.items()}, dtype)
        parameters.load(values)
        return parameters

    def like(self) -> Parameters:
        """Return zeros with the same names and shapes, for gradients or an optimiser's moments."""
        return Parameters({name: view.shape for name, view in self.items()}, self.flat.dtype)

    def load(self, values: Mapping[str, Array]) -> None:
        """Copy `values` into the parameters. ValueError, before any change, unless names and shapes are the same."""
        check_entries({name: view.shape for name, view in self.items()}, values)
        for name, view in self._views.items():
            view[...] = values[name]

    def __getitem__(self, name: str) -> Array:
        return self._views[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._views)

    def __len__(self) -> int:
        return len(self._views)


def check_entries(expected: Mapping[str, tuple[int, ...]], given: Mapping[str, Array]) -> None:
    """Raise ValueError if `given` lacks an expected entry, or has an unknown one or one of another shape."""
    missing = [name for name in expected if name not in given]
    unknown = [name for name in given if name not in expected]
    if missing or unknown:
        raise ValueError(
            f"expected the entries {', '.join(expected)}; "
            f"missing: {', '.join(missing) or 'none'}; unknown: {', '.join(unknown) or 'none'}"
        )
    for name, shape in expected.items():
        if np.shape(given[name]) != shape:
            raise ValueError(f"{name} must have shape {shape}, not {np.shape(given[name])}")
