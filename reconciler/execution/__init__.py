"""From a Plan to a Report: reading what is live, checking once more, calling, and writing down what was done."""
