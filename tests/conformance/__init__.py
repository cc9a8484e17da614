"""One model in every framework, explained: the same numbers, or a refusal that says what is missing.

``asks`` lists what is explained of each network, ``answers`` asks a model, ``frameworks`` builds the networks in this process and
``in_keras`` in one of its own, ``agreement`` compares.
"""
