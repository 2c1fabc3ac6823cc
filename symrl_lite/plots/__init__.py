"""Figures for the chapters: each takes one call, has a title and alternative text, and can be read without colour."""

from symrl_lite.actions import GridState
from symrl_lite.plots.bowls import draw_bowl
from symrl_lite.plots.drawing import draw_bars, draw_cartpole, draw_gridworld, draw_image, draw_policy
from symrl_lite.plots.figures import commuting_square, image_row
from symrl_lite.plots.latent import latent_graphs
from symrl_lite.plots.learning_curves import curves
from symrl_lite.plots.objects import code_grids, draw_push, object_maps
from symrl_lite.plots.pictures import Picture, picture
from symrl_lite.plots.strips import dots
from symrl_lite.plots.tables import (
    cayley_table,
    cayley_tables,
    draw_cayley_table,
    draw_dependencies,
    draw_grid_labels,
    grid_labels,
)

__all__ = [
    "GridState",
    "Picture",
    "cayley_table",
    "cayley_tables",
    "code_grids",
    "commuting_square",
    "curves",
    "dots",
    "draw_bars",
    "draw_bowl",
    "draw_cartpole",
    "draw_cayley_table",
    "draw_dependencies",
    "draw_grid_labels",
    "draw_gridworld",
    "draw_image",
    "draw_policy",
    "draw_push",
    "grid_labels",
    "image_row",
    "latent_graphs",
    "object_maps",
    "picture",
]
