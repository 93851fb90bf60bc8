"""What is declared, as other programs read it: pure text."""
