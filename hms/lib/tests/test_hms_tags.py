from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.template import Context, Template
from django.utils import timezone

from hms.lib.templatetags.hms_tags import device_key, phone_link, wait, with_phone_link
from hms.lib.texts import left_to_right

START = datetime(2027, 3, 2, 8, 20, tzinfo=UTC)


def render(zone="Europe/Berlin"):
    template = Template("{% when start end zone %}")
    return template.render(
        Context({"start": START, "end": START + timedelta(minutes=20), "zone": zone})
    )


def test_when_names_day_times_and_zone():
    assert render() == (
        '<time class="time" datetime="2027-03-02T09:20:00+01:00">Tue 2 Mar 2027, '
        '<span class="clock">09:20–09:40</span></time> <span class="zone">Berlin (CET) time</span>'
    )


def test_when_adds_the_readers_own_time_where_it_differs():
    with timezone.override("Asia/Tokyo"):
        assert "(17:20 your time)" in render()


def test_when_adds_the_readers_day_where_that_differs_too():
    with timezone.override("Pacific/Honolulu"):
        assert "(Mon 1 Mar, 22:20 your time)" in render()


@pytest.mark.parametrize("own", ["Europe/Berlin", "Europe/Paris"])
def test_when_says_nothing_of_the_readers_time_where_it_is_the_same(own):
    with timezone.override(own):
        assert "your time" not in render()


def test_when_names_a_zone_without_abbreviation_by_its_offset():
    assert "Sao Paulo (UTC-03) time" in render("America/Sao_Paulo")


def test_in_zone_outlasts_the_date_filter():
    with timezone.override("Asia/Tokyo"):
        words = Template('{{ start|in_zone:"Europe/Berlin"|date:"H:i" }}')
        assert words.render(Context({"start": START})) == "09:20"


@pytest.mark.parametrize(
    ("waited", "words"),
    [
        (None, "none waiting"),
        (timedelta(seconds=2), "less than a minute"),
        (timedelta(hours=3, minutes=10), "3\xa0hours"),
    ],
)
def test_wait_says_how_long(waited, words):
    assert wait(waited) == words


@pytest.mark.parametrize(
    ("later", "words"),
    [
        (timedelta(minutes=25), "Today, in 25 minutes"),
        (timedelta(hours=13), "Today, in 13 hours"),
        (timedelta(hours=16), "Tomorrow at 01:20"),
        (timedelta(days=2), "In 2 days, on Thursday"),
        (timedelta(days=20), "In 2 weeks"),
    ],
)
def test_countdown_counts_days_by_the_clinics_clock(later, words):
    template = Template("{% countdown moment 'Europe/Berlin' %}")
    with time_machine.travel(START, tick=False):
        said = template.render(Context({"moment": START + later}))
    assert said.replace("\xa0", " ") == words


def test_device_key_tells_two_accounts_apart_and_nothing_more():
    assert device_key(1) == device_key(1)
    assert device_key(1) != device_key(2)
    assert len(device_key(1)) == 16


@pytest.mark.parametrize(
    ("written", "dialled"),
    [
        ("+49 30 123456", "+4930123456"),
        ("+49 (0)30 / 12-34 56", "+4930123456"),
        ("(030) 123 456", "030123456"),
        ("030 123456 ext. 7", "030123456"),
        ("*31#", "*31#"),
    ],
)
def test_phone_link_dials_what_is_no_ornament(written, dialled):
    assert phone_link(written) == f'<a href="tel:{dialled}" dir="ltr">{written}</a>'


def test_what_cannot_be_dialled_is_no_link():
    assert phone_link("ask Bo") == "ask Bo"


def test_a_sentence_has_its_number_as_a_link_and_no_markup_of_others():
    sentence = f"Call <b>Mitte</b>: {left_to_right('030 1<2')}."
    assert with_phone_link(sentence, "030 1<2") == (
        'Call &lt;b&gt;Mitte&lt;/b&gt;: <a href="tel:03012" dir="ltr">030 1&lt;2</a>.'
    )
    assert "<" not in with_phone_link(sentence, "030 99")
    # The template makes it harmless.
    assert with_phone_link(sentence, None) == sentence
