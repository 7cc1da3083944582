"""Image sizes that can be reached by doubling."""

from facegen.core.errors import RecipeError

_BASES = range(4, 8)  # every size m * 2^n has exactly one such form


def base_and_doublings(image_pixels: int, part: str) -> tuple[int, int]:
    """Write a size as base * 2^doublings with a base of 4 to 7: 128 is 4 * 2^5, 96 is 6 * 2^4.

    Args:
        image_pixels: side of the faces.
        part: name of the part, for errors.
    Raises:
        RecipeError: the size has no such form.
    """
    reachable = {base << doublings: (base, doublings) for base in _BASES for doublings in range(1, 9)}
    if image_pixels in reachable:
        return reachable[image_pixels]
    below = max((size for size in reachable if size < image_pixels), default=min(reachable))
    above = min((size for size in reachable if size > image_pixels), default=max(reachable))
    raise RecipeError(
        f"{part}: data.image_pixels = {image_pixels}: must be 4, 5, 6 or 7 times a power of two; "
        f"the nearest are {below} and {above}"
    )
