"""An organisation's workflows: whether statuses change, and whether agencies without a program take referrals."""
