"""What a person types, pastes and drops, and what it means. Pure."""
