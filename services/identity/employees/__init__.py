"""Employees, their supervisors and applicants, and who may use the Employee Portal."""
