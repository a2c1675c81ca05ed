"""The face: a Textual workspace that speaks commands and events, nothing else."""
