"""What the field means by its words: pure rules and immutable types, no I/O, clock or chance."""
