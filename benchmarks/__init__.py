"""Speed and memory as ratios, measured side by side in one run; each module says how to run it."""
