TELL_ABOUT_BOOKING = "bookings.jobs.tell_about_booking"
MIRROR_UPCOMING = "bookings.jobs.mirror_upcoming"
EXPIRE_REQUESTS = "bookings.jobs.expire_requests"
SUM_UP_DAYS = "bookings.jobs.sum_up_days"
