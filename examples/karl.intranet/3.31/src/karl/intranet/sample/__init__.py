"""Documents made up for demonstrations, tests and measurements."""
