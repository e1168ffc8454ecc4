SEND_EMAIL = "notifications.jobs.send_email"
EXPIRE_OVERDUE = "notifications.jobs.expire_overdue"
