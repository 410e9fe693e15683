"""Numbers as a reader wants them: four digits, a true minus, powers of ten instead of ``e-05``."""

import math

_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def _parts(value: float, digits: int) -> tuple[str, int | None]:
    """Digits and, for very small or large numbers, a power of ten."""
    rounded = float(f"{value:.{digits}g}")
    size = abs(rounded)
    if size == 0 or 1e-4 <= size < 10**digits:
        return f"{rounded:.{digits}g}", None
    mantissa, exponent = f"{value:.{max(digits - 2, 0)}e}".split("e")
    return mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa, int(exponent)


def plain(value: float, digits: int = 4) -> str:
    """The number for a label: ``0.5315``, ``−2.1×10⁻⁶``."""
    if not math.isfinite(value):
        return "∞" if value > 0 else "−∞"
    mantissa, exponent = _parts(value, digits)
    text = mantissa.replace("-", "−")
    return text if exponent is None else f"{text}×10{str(exponent).translate(_SUPERSCRIPT)}"


def factor(value: float, digits: int = 4) -> str:
    """The number inside a product or a sum, in brackets where it is negative."""
    text = plain(value, digits)
    return f"({text})" if value < 0 else text


def tex(value: float, digits: int = 4) -> str:
    """The number for KaTeX."""
    if not math.isfinite(value):
        return r"\infty" if value > 0 else r"-\infty"
    mantissa, exponent = _parts(value, digits)
    return mantissa if exponent is None else rf"{mantissa}\cdot10^{{{exponent}}}"


def tex_factor(value: float, digits: int = 4) -> str:
    """The number inside a product or a sum for KaTeX, in brackets where it is negative."""
    text = tex(value, digits)
    return rf"({text})" if value < 0 else text
