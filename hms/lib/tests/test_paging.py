import pytest
from django.contrib.auth.models import Group

from hms.lib.paging import EPOCH, MICROSECOND, read_cursor, read_page, write_cursor

pytestmark = pytest.mark.django_db


def key(group):
    return EPOCH + group.pk * MICROSECOND, group.pk


@pytest.fixture
def _groups():
    Group.objects.bulk_create(Group(name=str(number)) for number in range(5))


def pages(size):
    rows = Group.objects.order_by("pk")
    page = read_page(rows, size=size, key=key)
    yield page
    while page.has_more:
        _moment, pk = read_cursor(page.next_cursor)
        page = read_page(rows.filter(pk__gt=pk), size=size, key=key)
        yield page


@pytest.mark.usefixtures("_groups")
@pytest.mark.parametrize("size", [1, 2, 4, 5, 6])
def test_pages_hold_every_row_once(size):
    found = list(pages(size))
    assert [row.name for page in found for row in page.rows] == list("01234")
    assert all(len(page.rows) == size for page in found[:-1])


@pytest.mark.usefixtures("_groups")
def test_page_is_one_query(django_assert_num_queries):
    with django_assert_num_queries(1):
        read_page(Group.objects.order_by("pk"), size=2, key=key)


def test_page_of_nothing_is_the_last():
    page = read_page(Group.objects.order_by("pk"), size=2, key=key)
    assert (page.rows, page.has_more) == ([], False)


@pytest.mark.parametrize("text", ["", "x", "1", "1-", "-1", "9" * 19 + "-1", "१-१"])
def test_foreign_cursor_is_none(text):
    assert read_cursor(text) is None


def test_cursor_reads_what_was_written():
    moment = EPOCH + 1_700_000_000_123_456 * MICROSECOND
    assert read_cursor(write_cursor(moment, 7)) == (moment, 7)
