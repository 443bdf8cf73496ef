"""The families of the catalogue, in the order in which items go round them."""

from catalogue.families import bags, chairs, glasses, lamps, mugs, shoes, tables, vases
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
