"""Every link, anchor, image and script on the built site leads somewhere."""

from __future__ import annotations

import re
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

# The hosts that a page may link to. None of them is asked for anything until a reader follows the link.
ALLOWED_HOSTS = {
    "arxiv.org",
    "bookstore.ams.org",
    "colab.research.google.com",  # once `make links` has set an address
    "creativecommons.org",
    "doi.org",
    "github.com",  # once `make links` has set an address
    "gymnasium.farama.org",
    "jupyter.org",
    "nbgrader.readthedocs.io",
    "numpy.org",
    "papers.nips.cc",
    "pytorch.org",
    "scikit-learn.org",
}
LOADED = {
    ("script", "src"),
    ("link", "href"),
    ("img", "src"),
    ("source", "src"),
    ("iframe", "src"),
    ("video", "src"),
}
NO_FILE = {"canonical", "search"}  # rel values of <link> that load nothing


class Page(HTMLParser):
    """What a page refers to and what it can be referred by."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.images_without_text: list[str] = []
        self.nowhere: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        self.anchors.update(value for key in ("id", "name") if (value := given.get(key)))
        if tag == "a" and "href" in given:
            self.links.append(given["href"] or "")
            if not given["href"] or given["href"].lower().startswith("javascript:"):
                self.nowhere.append(str(attributes))
        for key in ("src", "href"):
            if (tag, key) in LOADED and given.get(key) is not None and given.get("rel") not in NO_FILE:
                self.loads.append(given[key] or "")
        if tag == "img" and given.get("aria-hidden") != "true":
            text = (given.get("alt") or "").strip()
            if not text or re.fullmatch(r"\S+\.(png|svg|jpe?g)", text):  # a file's name says nothing
                self.images_without_text.append((given.get("src") or "")[:80])


@cache
def parsed(path: Path) -> Page:
    return Page(path.read_text(encoding="utf-8"))


def problems_of_target(site: Path, page: Path, target: str) -> str | None:
    """Why an address inside the site leads nowhere, or None."""
    parts = urlsplit(target)
    if parts.path.startswith("/"):
        return f"{target} only works at the top of a host"
    path = (page.parent / unquote(parts.path)).resolve() if parts.path else page
    if not path.is_relative_to(site.resolve()):
        return f"{target} leaves the site"
    if path.is_dir():
        return f"{target} is a folder, which cannot be opened from the disk"
    if not path.is_file():
        return f"{target}: no such file"
    if parts.fragment and path.suffix == ".html" and unquote(parts.fragment) not in parsed(path).anchors:
        return f"{target}: no such place on that page"
    return None


def problems_of_host(target: str) -> str | None:
    """Why an address outside the site is not a right one, or None."""
    parts = urlsplit(target)
    if parts.scheme == "mailto":
        return None if re.fullmatch(r"[^@\s]+@[^@\s]+\.\w+", parts.path) else f"{target}: no mail address"
    if parts.scheme != "https":
        return f"{target} is not https"
    host = parts.hostname or ""
    if not any(host == allowed or host.endswith("." + allowed) for allowed in ALLOWED_HOSTS):
        return f"{target}: {host} is not among the hosts in {Path(__file__).name}"
    if re.search(r"\s|ORGANISATION|ORG/REPO|example\.", target):
        return f"{target} is a placeholder"
    return None


def problems(site: Path, name: str) -> list[str]:
    page = (site / name).resolve()
    content = parsed(page)
    found: list[str | None] = []
    for target in content.links:
        inside = not urlsplit(target).scheme and not target.startswith("//")
        found.append(problems_of_target(site, page, target) if inside else problems_of_host(target))
    for target in content.loads:
        if target.startswith(("data:", "blob:")):
            continue
        if urlsplit(target).scheme or target.startswith("//"):
            found.append(f"{target} is loaded from another host")
        else:
            found.append(problems_of_target(site, page, target))
    found += [f"an image without alternative text: {source}" for source in content.images_without_text]
    found += [f"a link that leads nowhere: {attributes}" for attributes in content.nowhere]
    return [problem for problem in found if problem]


def test_there_are_pages_to_look_at(site: Path, pages: list[str]) -> None:
    assert "book/welcome.html" in pages
    assert any(name.startswith("notebooks/") for name in pages)


def test_every_link_image_and_script_is_there(site: Path, pages: list[str]) -> None:
    wrong = {
        name: found
        for name in [*pages, "index.html", "genindex.html", "search.html"]
        if (found := problems(site, name))
    }
    assert not wrong, "\n".join(f"{name}: {problem}" for name, found in wrong.items() for problem in found)


def test_the_first_page_leads_to_the_welcome(site: Path) -> None:
    text = (site / "index.html").read_text(encoding="utf-8")
    target = re.search(r"url=([^\"']+)", text)
    assert target and (site / target.group(1)).is_file()


def test_every_page_names_an_icon_of_the_site(site: Path, pages: list[str]) -> None:
    """Where a page names none, a browser asks the top of the host for one, and the console tells of a missing file."""
    for path in (site / name for name in [*pages, "index.html", "genindex.html", "search.html"]):
        icon = re.search(r'<link rel="icon" href="([^"]+)"', path.read_text(encoding="utf-8"))
        assert icon and (path.parent / icon.group(1)).is_file(), path


def test_style_sheets_load_nothing_from_elsewhere(site: Path) -> None:
    for path in site.rglob("*.css"):
        text = re.sub(r"/\*.*?\*/", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
        assert not re.search(r"(?:url\(|@import)\s*['\"]?(?:https?:)?//", text), path


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('<a href="gone.html">x</a>', "no such file"),
        ('<a href="#gone">x</a>', "no such place"),
        ('<a href="/index.html">x</a>', "only works at the top"),
        ('<a href="../../up.html">x</a>', "leaves the site"),
        ('<a href="">x</a>', "leads nowhere"),
        ('<a href="https://tracker.invalid/">x</a>', "not among the hosts"),
        ('<a href="http://arxiv.org/abs/1602.07576">x</a>', "is not https"),
        ('<a href="https://github.com/ORGANISATION/REPOSITORY">x</a>', "placeholder"),
        ('<img src="data:image/png;base64,AAAA">', "without alternative text"),
        ('<img src="gone.png" alt="a picture">', "no such file"),
        ('<img src="data:image/png;base64,AAAA" alt="../_images/a1.png">', "without alternative text"),
        ('<script src="https://cdn.jsdelivr.net/x.js"></script>', "from another host"),
    ],
)
def test_a_wrong_link_is_found(tmp_path: Path, body: str, expected: str) -> None:
    (tmp_path / "page.html").write_text(body)
    assert any(expected in problem for problem in problems(tmp_path, "page.html"))


def test_a_right_page_has_no_problem(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text(
        '<h1 id="top">x</h1><a href="#top">up</a><a href="page.html#top">here</a>'
        '<a href="https://arxiv.org/abs/1602.07576">paper</a>'
        '<img src="data:image/png;base64,AA" alt="a picture">'
    )
    assert problems(tmp_path, "page.html") == []
