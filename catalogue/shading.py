"""Colour of points on a product: texture, diffuse key and ambient light, reflections by gloss and angle."""

import numpy as np

from catalogue.geometry import Array, Indices, Solid, dot, unit
from catalogue.lighting import Light, studio
from catalogue.materials import Finish, Material
from catalogue.textures import albedo


def shade(
    solid: Solid,
    finish: Finish,
    *,
    points: Array,
    normals: Array,
    view: Array,
    parts: Indices,
    openness: Array,
    light: Light,
    floor: Array,
) -> Array:
    """Linear RGB (n, 3) of surface points.

    Args:
        solid: the object.
        finish: its materials.
        points: (n, 3).
        normals: (n, 3), unit length.
        view: (n, 3) unit directions from the camera to the points.
        parts: (n,) part of each point.
        openness: (n, 2) as `lighting.object_light` gives it.
        light: the key light.
        floor: linear RGB of the floor, for the light it throws back.
    """
    colour = np.empty((len(points), 3))
    slots: dict[str, list[int]] = {}
    for index, part in enumerate(solid.parts):
        slots.setdefault(part.slot, []).append(index)
    axes = np.array([_grain_axis(part.surface.vertices) for part in solid.parts])
    for slot, members in slots.items():
        material = finish.material(slot)
        for axis in {int(axes[k]) for k in members} if material.texture in ("grain", "brushed", "stripes") else {-1}:
            chosen = [k for k in members if axis in (-1, axes[k])]
            rows = np.flatnonzero(np.isin(parts, chosen))
            if len(rows):
                tint = albedo(material, points[rows], axis)
                colour[rows] = _lit(material, tint, normals[rows], view[rows], openness[rows], light, floor)
    return colour


def _grain_axis(vertices: Array) -> int:
    return int(np.argmax(vertices.max(axis=0) - vertices.min(axis=0)))


def _lit(
    material: Material, tint: Array, normals: Array, view: Array, openness: Array, light: Light, floor: Array
) -> Array:
    ambient_open, key_open = openness[:, :1], openness[:, 1:]
    facing = normals @ light.direction
    diffuse = np.clip((facing + 0.12) / 1.12, 0.0, 1.0)[:, None] * key_open
    up = 0.5 + 0.5 * normals[:, 1:2]
    sky = np.array([0.96, 1.0, 1.05])
    ambient = light.ambient * ambient_open**1.3 * (up * sky + (1 - up) * (0.25 + 0.6 * floor))
    cosine = np.clip(-dot(normals, view), 0.0, 1.0)
    fill = 0.16 * cosine[:, None] * ambient_open
    received = light.key * 1.05 * diffuse * light.tint + ambient + fill
    mirror = view + 2 * cosine[:, None] * normals
    reflected = studio(mirror, light, floor) * (0.35 + 0.65 * ambient_open)
    grazing = ((1 - cosine) ** 5)[:, None]
    if material.metallic:
        strength = tint + (1 - tint) * grazing
        return np.asarray(0.35 * tint * received + 0.85 * strength * reflected, dtype=np.float64)
    strength = material.gloss * (0.07 + 0.55 * grazing)
    halfway = unit(light.direction - view)
    power = 6.0 * 2.0 ** (7.0 * material.gloss)
    highlight = np.clip(dot(normals, halfway), 0, 1) ** power
    shine = (0.05 + 0.9 * material.gloss**2) * highlight[:, None] * key_open * 0.55
    glow = material.glow * (1 - 0.6 * float(material.colour.mean())) * (0.55 + 0.45 * up) * np.array([1.0, 0.86, 0.62])
    return np.asarray(tint * (received + glow) + strength * reflected + shine, dtype=np.float64)
