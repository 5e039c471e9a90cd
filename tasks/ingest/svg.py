"""Drawings to pixels, with resvg: no system library, and no system fonts, so the same on any
machine."""

CSS_DPI = 96.0
"""A CSS inch is 96 px (css-values-3, "reference pixel"). Without it resvg cannot read pt, mm or
cm."""


def render(svg: bytes, pixels: int) -> bytes:
    """Draw an SVG as PNG whose longest side is `pixels`, on a transparent ground.

    Raises:
        ValueError: it is not an SVG in UTF-8, or has no size.
    """
    # Imported here: most sources have no drawings.
    import resvg_py

    # Given both sides, resvg fits the drawing into them and keeps its proportions.
    png: bytes = resvg_py.svg_to_bytes(
        svg_string=svg.decode("utf-8"),
        width=pixels,
        height=pixels,
        dpi=CSS_DPI,
        skip_system_fonts=True,
    )
    return bytes(png)
