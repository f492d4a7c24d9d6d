"""What signing says when it has done its part of an order about a person's data."""

from services.contracts.personal_data import personal_data_event
from services.contracts.signing import contract

answered = personal_data_event(contract)
