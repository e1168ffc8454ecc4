"""What still stands where its doctor no longer sees patients. Nobody takes it away but people: the
doctor made these slots by hand, or a patient relies on them."""

from collections import defaultdict
from datetime import datetime

from django.db.models import Count, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from availability.models import TimeSlot, TimeSlotQuerySet
from availability.slots.kinds import Kind
from hms.lib.texts import isolated
from users.models import DoctorProfile, User

MOST_PLACES = 5


def left_behind(doctor: DoctorProfile, *, now: datetime | None = None) -> TimeSlotQuerySet:
    """The doctor's coming slots at clinics that are no longer theirs, or by video without a video
    room: booked ones, and free ones made by hand. Those of hours that are free go by themselves."""
    gone = ~Q(clinic__in=doctor.clinics.values("pk"))
    if not doctor.video_room_url:
        gone |= Q(kind=Kind.VIDEO)
    stays = Q(live_booking__isnull=False) | Q(weekly_hours__isnull=True, extra_hours__isnull=True)
    slots = TimeSlot.objects.offered().with_live_booking()
    return slots.filter(gone, stays, doctor=doctor, starts_at__gt=now or timezone.now())


def sentences(doctor: DoctorProfile, by: User) -> list[str]:
    """A sentence for each place where something is left behind, with a link to it for who reads
    it: the doctor or the desk. Two queries."""
    is_booked = Q(live_booking__isnull=False)
    rows = left_behind(doctor).values_list("clinic", "clinic__name", "kind")
    counted = rows.annotate(
        free=Count("pk", filter=~is_booked), booked=Count("pk", filter=is_booked)
    )
    theirs = set(doctor.clinics.values_list("pk", flat=True))
    # By clinic; what is left behind at a clinic that is theirs is so for want of a video room.
    places: dict[tuple[int, str], tuple[int, int]] = defaultdict(lambda: (0, 0))
    for clinic, name, _kind, free, booked in counted.order_by("clinic__name", "clinic"):
        place = (0, "") if clinic in theirs else (clinic, name)
        places[place] = (places[place][0] + free, places[place][1] + booked)
    first = list(places.items())[:MOST_PLACES]
    return [_sentence(doctor, by, *place, *counts) for place, counts in first]


def _sentence(
    doctor: DoctorProfile, by: User, clinic: int, name: str, free: int, booked: int
) -> str:
    counts = []
    if free:
        counts.append(ngettext("%(n)s free time", "%(n)s free times", free) % {"n": free})
    if booked:
        counts.append(ngettext("%(n)s appointment", "%(n)s appointments", booked) % {"n": booked})
    what = _(", ").join(counts)
    if clinic:
        words = _("Still at %(clinic)s, which is no longer among the chosen clinics: %(what)s.")
        sentence = words % {"clinic": isolated(name), "what": what}
    else:
        sentence = _("Still by video, without a video room: %(what)s.") % {"what": what}
    stays = _("They stay until somebody reschedules, cancels or deletes them.")
    url = _address(doctor, by, clinic)
    link = format_html(' <a href="{}">{}</a>', url, _("See them")) if url else ""
    return format_html("{} {}{}", sentence, stays, link)


def _address(doctor: DoctorProfile, by: User, clinic: int) -> str:
    """Where the reader finds them, if anywhere."""
    if by.pk == doctor.user_id:
        return reverse("availability:my_slots") + "?left=1"
    if not by.has_perm("availability.view_timeslot"):
        return ""
    where = ("clinic__id__exact", clinic) if clinic else ("kind__exact", str(Kind.VIDEO))
    query = urlencode([("doctor", doctor.pk), ("state", "standing"), where])
    return reverse("admin:availability_timeslot_changelist") + f"?{query}"
