"""The ten breeds, by the names that Kaggle gives them."""

from long_coats import LONG_COATS
from short_coats import SHORT_COATS

BREEDS = SHORT_COATS | LONG_COATS
