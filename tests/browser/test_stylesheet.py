"""How the browser is asked which rules of the stylesheets a page uses (test_proofs.py asks)."""

import pytest

from tests.browser.stylesheet import Usage, rules_of


def test_rules_are_found_where_they_stand():
    css = '@layer a, b;\n/* { */\n@layer a {\n@media print { p::after, .x { content: "}" } }\n}\n'
    (rule,) = rules_of("hms", css)
    assert css[rule.start : rule.end] == 'p::after, .x { content: "}" }'
    assert (rule.selector, rule.group) == ("p::after, .x", "@media print")


@pytest.mark.parametrize(
    ("selector", "bare"),
    [
        (".button:hover", ".button"),
        (":focus-visible", "*"),
        (".menu[open] > :hover", ".menu > *"),
        ("a:not(:hover)", "a"),
        (":is(h1, h2) > a:not(:hover, :focus)", ":is(h1, h2) > a"),
        (".card::before, ::selection", ".card, *"),
        (':root[data-theme="dark"] .sun', ":root .sun"),
        ("label:has(input:checked)", "label:has(input)"),
        ("form:not(:has([value]:checked)) p", "form p"),
        ("a:not([href])", "a:not([href])"),
    ],
)
def test_states_are_taken_off_a_selector(selector, bare):
    (rule,) = rules_of("hms", f"{selector} {{ color: red }}")
    assert rule.stateless == bare


@pytest.mark.slow
def test_a_dead_rule_is_seen(new_page):
    page, usage = new_page(), Usage()
    page.goto("/users/login/")
    usage.look(page, "login")
    assert len(usage.used) > 50
    assert any("slot-list" in str(rule) for rule in usage.dead)
