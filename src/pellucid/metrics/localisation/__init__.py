"""Whether the map lies where it should.

pointing_game, relevance_mass, relevance_rank, top_k, localisation_auc, focus; localising is what they share.
"""
