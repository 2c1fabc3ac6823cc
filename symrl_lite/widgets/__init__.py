"""Widgets that answer at once, with a kernel and without: pictures are drawn beforehand, a control picks one."""

from symrl_lite.widgets.explorer import compose, explore
from symrl_lite.widgets.flipbooks import flipbook
from symrl_lite.widgets.folding import fold
from symrl_lite.widgets.objects import rollouts
from symrl_lite.widgets.panels import panel
from symrl_lite.widgets.plans import plan
from symrl_lite.widgets.prepared import Buttons, Prepared, Slider

__all__ = ["Buttons", "Prepared", "Slider", "compose", "explore", "flipbook", "fold", "panel", "plan", "rollouts"]
