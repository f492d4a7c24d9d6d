"""The course of a referral: its statuses, answers, withdrawal and reassignment."""
