"""The reference of the package on the site: every public name has its place, and chapters lead there."""

import importlib
import inspect
import pkgutil
import re
from pathlib import Path

import pytest

import symrl_lite

ROOT = Path(__file__).resolve().parents[2]
ROOMS = sorted(room.name for room in pkgutil.iter_modules(symrl_lite.__path__) if room.name != "checks")
CHAPTERS = sorted(path.stem for path in (ROOT / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("room", ROOMS)
def test_every_public_name_has_its_place(site: Path, room: str) -> None:
    page = (site / "book" / "reference" / f"{room}.html").read_text(encoding="utf-8")
    module = importlib.import_module(f"symrl_lite.{room}")
    modules = [module]
    if room == "envs":
        parts = [part.name for part in pkgutil.iter_modules(module.__path__) if not part.name.startswith("_")]
        modules = [importlib.import_module(f"symrl_lite.envs.{part}") for part in parts]
    for one in modules:
        for name in one.__all__:
            thing = getattr(one, name)
            at_home = getattr(thing, "__module__", "").startswith(one.__name__)  # it has one place, that of its room
            if at_home and (inspect.isfunction(thing) or inspect.isclass(thing)):
                assert f'id="{one.__name__}.{name}"' in page, f"{one.__name__}.{name} is not in the reference"


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_the_first_use_of_a_name_leads_to_its_place(site: Path, chapter: str) -> None:
    page = (site / "notebooks" / f"{chapter}.html").read_text(encoding="utf-8")
    found = re.findall(r'<a class="to-reference" href="([^"#]+)#([^"]+)">', page)
    assert len(found) > 5 and len(set(found)) == len(found)
    for target, place in found:
        assert f'id="{place}"' in (site / "notebooks" / target).read_text(encoding="utf-8"), place


def test_examples_and_sources_are_shown(site: Path) -> None:
    page = (site / "book" / "reference" / "groups.html").read_text(encoding="utf-8")
    assert "&gt;&gt;&gt; </span>" in page and 'class="viewcode-link"' in page and "|G|" in page


def test_search_knows_the_names(site: Path) -> None:
    index = (site / "searchindex.js").read_text(encoding="utf-8")
    assert '"symrl_lite.symmetry"' in index and '"audit"' in index
