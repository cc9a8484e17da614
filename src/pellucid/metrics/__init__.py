"""Numbers that say how good an explanation is; pure functions of arrays, one file per score.

faithfulness/, robustness/, randomisation/, localisation/, complexity/, axioms/. Between two attributions of the same samples:
agreement, agreement_at_k. What they share: orderings, entries, intervals, defined, strongest, nearby, nulls.
"""
