"""Pictures shown in other ways: shifted, mirrored, compared; and policies that are cloned from them."""

from symrl_lite.views.cloning import NETWORK, CloneSettings, train_clones
from symrl_lite.views.contrast import info_nce
from symrl_lite.views.pictures import View, flip, random_crop, random_translate

__all__ = ["NETWORK", "CloneSettings", "View", "flip", "info_nce", "random_crop", "random_translate", "train_clones"]
