"""axe in a page: every rule of WCAG 2.0 to 2.2, A and AA, and the best practices."""

from pathlib import Path

from playwright.sync_api import Page

from hms.dev.checks.screenshots import FADED

AXE = (Path(__file__).parent / "axe" / "axe.min.js").read_text()
# Without preload: it would fetch stylesheets anew and write them inline, which the policy refuses.
RUN = """
async (only) => {
  const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa", "best-practice"];
  const off = ["target-size", "label-content-name-mismatch"];
  const result = await axe.run(document, {
    runOnly: only.length ? { type: "rule", values: only } : { type: "tag", values: tags },
    // These two are left out unless one asks for them.
    rules: only.length ? {} : Object.fromEntries(off.map((name) => [name, { enabled: true }])),
    preload: false,
    resultTypes: ["violations"],
  });
  return result.violations.map((found) =>
    `${found.id} × ${found.nodes.length}: ${found.nodes[0].html.slice(0, 160)}`);
}
"""
# What a page can gain or lose by its colours and its width while its elements stay the same.
BY_LOOKS = ("color-contrast", "link-in-text-block", "target-size", "scrollable-region-focusable")
PHONE, DESK = (360, 740), (1280, 800)


def violations(page: Page, size: tuple[int, int], theme: str, only: tuple[str, ...] = ()) -> list:
    """What axe finds on the open page at a size and in a theme, in words; all rules or `only`."""
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
    page.evaluate(FADED)
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE)
    return [f"axe, {size[0]} px, {theme}: {words}" for words in page.evaluate(RUN, list(only))]
