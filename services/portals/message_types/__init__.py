"""Message types of an organisation, and which of them its portals send and receive."""
