"""From files of runs to laws: what `lehr fit` reads, fits, says and writes."""
