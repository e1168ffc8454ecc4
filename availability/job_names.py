PUBLISH_DUE = "availability.jobs.publish_due"
PUBLISH_DOCTOR = "availability.jobs.publish_doctor"
PUBLISH_CLINIC = "availability.jobs.publish_clinic"
