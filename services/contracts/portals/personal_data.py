"""What portals says when it has done its part of an order about a person's data."""

from services.contracts.personal_data import personal_data_event
from services.contracts.portals import contract

answered = personal_data_event(contract)
