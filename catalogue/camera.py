"""Pinhole and parallel cameras: where a pixel looks, where a point lands, and framing of an object."""

from dataclasses import dataclass

import numpy as np

from catalogue.geometry import Array, unit


@dataclass(frozen=True)
class Camera:
    """A camera with a square image, coordinates in [0, 1], y down.

    Attributes:
        position: (3,).
        right, up, forward: (3,) unit vectors.
        zoom: image widths per unit of tangent (perspective) or per metre (parallel).
        centre: (2,) image position of the optical axis.
        parallel: whether rays are parallel (an orthographic drawing).
    """

    position: Array
    right: Array
    up: Array
    forward: Array
    zoom: float
    centre: tuple[float, float] = (0.5, 0.5)
    parallel: bool = False

    def project(self, points: Array) -> Array:
        """Image coordinates (n, 2) of points (n, 3)."""
        offset = points - self.position
        depth = np.ones(len(points)) if self.parallel else np.maximum(offset @ self.forward, 1e-6)
        x = self.centre[0] + self.zoom * (offset @ self.right) / depth
        y = self.centre[1] - self.zoom * (offset @ self.up) / depth
        return np.stack([x, y], axis=1)

    def rays(self, image_points: Array) -> tuple[Array, Array]:
        """Origins and unit directions, each (n, 3), through image coordinates (n, 2)."""
        x = (image_points[:, :1] - self.centre[0]) / self.zoom
        y = (self.centre[1] - image_points[:, 1:]) / self.zoom
        if self.parallel:
            origins = self.position + x * self.right + y * self.up
            return origins, np.broadcast_to(self.forward, origins.shape)
        directions = unit(self.forward + x * self.right + y * self.up)
        return np.broadcast_to(self.position, directions.shape), directions

    def towards(self, points: Array) -> Array:
        """Unit vectors (n, 3) from points to the camera."""
        if self.parallel:
            return np.broadcast_to(-self.forward, points.shape)
        return unit(self.position - points)


def look_at(target: Array, *, azimuth: float, elevation: float, distance: float, parallel: bool = False) -> Camera:
    """A camera at the given angles in degrees and distance, looking at the target."""
    around, above = np.radians(azimuth), np.radians(elevation)
    outward = np.array([np.sin(around) * np.cos(above), np.sin(above), np.cos(around) * np.cos(above)])
    forward = -outward
    right = unit(np.cross(forward, np.array([0.0, 1.0, 0.0])))
    return Camera(target + distance * outward, right, np.cross(right, forward), forward, 1.0, (0.5, 0.5), parallel)


def frame(
    points: Array,
    *,
    azimuth: float,
    elevation: float,
    perspective: float,
    fill: float = 0.74,
    shift: tuple[float, float] = (0.0, 0.0),
) -> Camera:
    """A camera whose image holds all points, their larger side filling `fill` of it.

    Args:
        points: (n, 3), usually the vertices of an object.
        azimuth: degrees around.
        elevation: degrees above the horizon.
        perspective: object size over camera distance; 0 gives a parallel view, 0.4 a strong perspective.
        fill: share of the image taken by the larger side of the object.
        shift: displacement of the object from the middle, in image sizes.
    """
    low, high = points.min(axis=0), points.max(axis=0)
    size = float(np.linalg.norm(high - low))
    distance = size / max(perspective, 0.05)
    parallel = perspective <= 0.0
    camera = look_at((low + high) / 2, azimuth=azimuth, elevation=elevation, distance=distance, parallel=parallel)
    flat = camera.project(points)
    lowest, highest = flat.min(axis=0), flat.max(axis=0)
    zoom = fill / float((highest - lowest).max())
    middle = ((lowest + highest) / 2 - 0.5) * zoom
    centre = (0.5 - float(middle[0]) + shift[0], 0.5 - float(middle[1]) + shift[1])
    return Camera(camera.position, camera.right, camera.up, camera.forward, zoom, centre, parallel)
