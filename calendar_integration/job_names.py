SYNC_EVENT = "calendar_integration.jobs.sync_event"
REPLAY = "calendar_integration.jobs.replay"
LEARN_NAME = "calendar_integration.jobs.learn_name"
REVOKE = "calendar_integration.jobs.revoke"
