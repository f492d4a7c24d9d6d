"""ReferralQs: a queue's own statuses and its programs."""
