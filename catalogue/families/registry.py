"""The families of the catalogue, in the order in which items go round them."""

from catalogue.families import (
    backpacks,
    bags,
    cabinets,
    chairs,
    cups,
    footwear,
    glasses,
    glassware,
    lamps,
    mugs,
    objects,
    pendants,
    shoes,
    sofas,
    stools,
    tables,
    vases,
)
from catalogue.family import Family

FAMILIES: tuple[Family, ...] = (
    shoes.FAMILY,
    chairs.FAMILY,
    lamps.FAMILY,
    bags.FAMILY,
    mugs.FAMILY,
    tables.FAMILY,
    vases.FAMILY,
    glasses.FAMILY,
)

WIDE_FAMILIES: tuple[Family, ...] = (
    *FAMILIES,
    sofas.FAMILY,
    stools.FAMILY,
    pendants.FAMILY,
    backpacks.FAMILY,
    glassware.FAMILY,
    cabinets.FAMILY,
    cups.FAMILY,
    footwear.FAMILY,
    objects.FAMILY,
)
