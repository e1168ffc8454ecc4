from django.db import models
from django.utils.translation import gettext_lazy as _


class Kind(models.TextChoices):
    """How patient and doctor meet."""

    IN_PERSON = "in_person", _("in person")
    VIDEO = "video", _("video")
