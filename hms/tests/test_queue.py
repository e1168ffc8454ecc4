import pytest
from django.db import transaction
from procrastinate.contrib.django import DjangoApp, app
from procrastinate.contrib.django.models import ProcrastinateJob

from hms.tests.worker import drain, forget_jobs


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("fails", "left"), [(True, 0), (False, 1)])
def test_a_job_deferred_by_a_job_belongs_to_its_transaction(fails, left):
    forget_jobs()
    worker = DjangoApp(connector=app.connector)

    @worker.task(name="later")
    def later() -> None: ...

    @worker.task(name="now")
    def now() -> None:
        with transaction.atomic():
            later.configure(schedule_in={"hours": 1}).defer()
            if fails:
                raise ValueError("rolled back")

    now.defer()
    drain(worker)

    assert ProcrastinateJob.objects.filter(task_name="later").count() == left
    forget_jobs()
