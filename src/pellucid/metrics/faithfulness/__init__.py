"""Whether the target follows the order and the values of the map.

Along an ordering of players: deletion, insertion, pixel_flipping, aopc, aopc_lerf, normalised_aopc, srg, road, irof,
monotonicity. Over sets of them: faithfulness_correlation, faithfulness_estimate, mu_fidelity, sensitivity_n, infidelity,
scaled_infidelity, sufficiency, comprehensiveness, pgi, pgu. Seen through the map: average_drop, average_increase. What they
share: removal, subsets, beam_search and best_orderings.
"""
