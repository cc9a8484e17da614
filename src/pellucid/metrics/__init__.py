"""Numbers that say how good an explanation is; pure functions of arrays, one file per score.

Along an ordering of players: deletion, insertion, pixel_flipping, aopc, aopc_lerf, normalised_aopc, srg, road, irof,
monotonicity. Over sets of them: faithfulness_correlation, faithfulness_estimate, mu_fidelity, sensitivity_n, infidelity,
scaled_infidelity, sufficiency, comprehensiveness, pgi, pgu. Seen through the map: average_drop, average_increase. Between two
attributions of the same samples: agreement. What they share: orderings, removal, subsets, entries, beam_search and
best_orderings, intervals, defined.
"""
