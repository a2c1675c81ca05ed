"""Pure link protocol: frames, Noise, session, priorities, credit, back-off."""
