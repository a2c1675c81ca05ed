"""From message text to rows of cells: wrapping, markup, times, colours. Pure."""
