"""Employees, their supervisors and applicants: who gets into the Employee Portal."""
