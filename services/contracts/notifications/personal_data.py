"""What notifications says when it has done its part of an order about a person's data."""

from services.contracts.notifications import contract
from services.contracts.personal_data import personal_data_event

answered = personal_data_event(contract)
