"""`narou-gen demo`: titles as a game of cards in a terminal."""
