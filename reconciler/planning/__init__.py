"""From what is wanted, known and live to a Plan. Pure: no input or output; `now` is an argument."""
