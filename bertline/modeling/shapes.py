"""The shapes of weights that encoders of every family are made of, by path."""

Shape = tuple[int, ...]


def norm_shapes(path: str, size: int) -> dict[str, Shape]:
    """The shapes of the scale and the shift of a normalization of `size` channels."""
    return {f"{path}/gamma": (size,), f"{path}/beta": (size,)}


def dense_shapes(path: str, inputs: int, units: int) -> dict[str, Shape]:
    """The shapes of the kernel and the bias of a dense layer."""
    return {f"{path}/kernel": (inputs, units), f"{path}/bias": (units,)}
