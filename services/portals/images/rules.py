"""Which images portals may have. Pure."""

from __future__ import annotations

WIDTH, HEIGHT = 650, 412  # of the picture on a start page (S2-55)
# What may be uploaded for each place, by the format that the file itself tells.
FORMATS = {"logo": ("PNG", "JPEG"), "welcome_image": ("JPEG",)}
# An image is made smaller until it fits: sharp also on a screen with two pixels for one.
MOST = {"logo": (640, 240), "welcome_image": (2 * WIDTH, 2 * HEIGHT)}
MOST_BYTES = 5 * 1024 * 1024
MOST_IMAGES = 200  # of one portal
# Pictures that we have drawn, for the portals of employees and supervisors (S2-123).
STOCK = {
    "employee-harbor": "A harbour in the morning, with a crane and a ship",
    "employee-path": "A path through green hills under a bright sky",
    "supervisor-plant": "A plant with three halls and a chimney at dusk",
    "supervisor-team": "Five people in work clothes beside each other",
}


def alias(portal: str, kind: str, place: str) -> str:
    """How staff name an image: `portal-landing-…`, of supervisors `supervisor-landing-…`, with the portal's suffix (S2-55)."""
    if place == "logo":
        return f"portal-logo-{portal}"
    return f"{'supervisor' if kind == 'supervisor' else 'portal'}-landing-{portal}"


def warnings(place: str, width: int, height: int) -> list[str]:
    """What to look at. An image of another size is taken, and told."""
    if place != "welcome_image" or (width, height) == (WIDTH, HEIGHT):
        return []
    return [
        f"The picture has {width} by {height} points. At best it has {WIDTH} by {HEIGHT}; it is shown whole, as wide as there is room."
    ]
