"""Employees, their supervisors and applicants: the HR feed, pick-up codes, who may use the Employee Portal."""
