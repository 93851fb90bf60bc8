"""Configuration as text: pure functions of what is declared and of what is served."""
