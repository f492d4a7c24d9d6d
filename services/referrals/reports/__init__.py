"""Dashboard, statistics and reports: counts kept with every change, and the questions to them."""
